/** Whether a key belongs to a field, an open dialog or a chord rather than to the console's shortcuts. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  const target = event.target instanceof HTMLElement ? event.target : undefined;
  if (target?.closest('input, textarea, select, [contenteditable="true"], .cm-editor')) return true;
  return document.querySelector('[role="dialog"], [role="menu"]') !== null;
}
