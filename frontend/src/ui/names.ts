// The grammar of names, as the server checks it, so that people learn before sending.
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const user = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/;

export const isLabel = (text: string): boolean => label.test(text);
export const isUserName = (text: string): boolean => user.test(text);

/** A project's name is its namespace's, and some of those belong to the clusters. */
export const isReserved = (text: string): boolean => text === 'default' || text.startsWith('kube-') || text.startsWith('hanse-');

/** A name out of any text, such as a context `admin@eu-1`: what comes after the `@`. */
export function suggestName(text: string): string {
  const tail = text.split(/[@/:]/).pop() ?? '';
  return tail
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-+$/, '');
}
