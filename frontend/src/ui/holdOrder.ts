/** Puts fresh rows into the places they had; new ones go to the end, gone ones leave. */
export function holdOrder<T>(fresh: T[], before: string[], id: (row: T) => string): T[] {
  const rest = new Map(fresh.map((row) => [id(row), row]));
  const held: T[] = [];
  for (const key of before) {
    const row = rest.get(key);
    if (row === undefined) continue;
    held.push(row);
    rest.delete(key);
  }
  return [...held, ...rest.values()];
}
