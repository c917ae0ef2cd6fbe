import type { Difference, Json } from '../api/types';

const escape = (key: string) => key.replace(/~/g, '~0').replace(/\//g, '~1');

/** Leaf by leaf what two documents have different, as JSON pointers. */
export function differences(from: Json | undefined, to: Json | undefined, path = ''): Difference[] {
  if (from === to) return [];
  if (isBranch(from) && isBranch(to) && Array.isArray(from) === Array.isArray(to)) {
    const before = from as Record<string, Json>;
    const after = to as Record<string, Json>;
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => differences(before[key], after[key], `${path}/${escape(key)}`));
  }
  return [{ path: path || '/', ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }];
}

const isBranch = (value: Json | undefined): value is Json[] | { [key: string]: Json } => typeof value === 'object' && value !== null;
