export type Tone = 'ok' | 'busy' | 'warn' | 'bad' | 'unknown' | 'note';

const shapes: Record<Tone, string> = {
  ok: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm-.9 8.9L4.3 8l1-1 1.8 1.8 3.6-3.7 1 1z',
  busy: 'M8 2a6 6 0 1 0 6 6h-2a4 4 0 1 1-4-4z',
  warn: 'M8 1.8 15 14H1zm-.8 4.4.2 4h1.2l.2-4zm.8 5a.9.9 0 1 0 0 1.8.9.9 0 0 0 0-1.8z',
  bad: 'M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5zM5.9 5 5 5.9 7.1 8 5 10.1l.9.9L8 8.9l2.1 2.1.9-.9L8.9 8 11 5.9 10.1 5 8 7.1z',
  unknown: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 1.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM5 7.3h6v1.4H5z',
  note: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm-.8 5h1.6v4.200H7.200zM8 4.5a.95.95 0 1 1 0 1.9.95.95 0 0 1 0-1.9z',
};

/** The shape of a state; always stands beside its word. */
export function Mark({ tone }: { tone: Tone }) {
  return (
    <svg className={`mark-shape tone-${tone}`} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false">
      <path d={shapes[tone]} fillRule="evenodd" />
    </svg>
  );
}
