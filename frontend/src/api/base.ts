// Where this console is served from. The page's <base> element tells; everything else is relative to it.

const base = new URL(document.baseURI);

/** Path of the console without a closing slash: empty at the root. */
export const basePath = base.pathname.replace(/\/[^/]*$/, '');

export const apiRoot = `${basePath}/api/v1`;

export function liveUrl(): string {
  const scheme = base.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${base.host}${apiRoot}/live`;
}
