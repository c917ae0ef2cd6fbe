import type { ReactNode } from 'react';
import { Mark, type Tone } from './Mark';

/** A sentence for people about something that needs notice: shape, then words. Spoken by screen readers. */
export function Sentence({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <div className={`sentence tone-${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <Mark tone={tone} />
      <div className="sentence-words">{children}</div>
    </div>
  );
}
