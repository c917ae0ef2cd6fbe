import { recall, remember } from '../preferences';

/** Projects last visited, newest first, as `workspace/project`. */
export function recents(): string[] {
  return (recall('recents') ?? '').split(',').filter(Boolean);
}

export function visit(place: string): void {
  remember('recents', [place, ...recents().filter((one) => one !== place)].slice(0, 5).join(','));
}
