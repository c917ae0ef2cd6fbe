import type { Json } from '../api/types';

/** A value of a field on one line: strings bare, everything else as JSON. */
export function show(value: Json | undefined): string {
  if (value === undefined || value === null) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
