import { useEffect, useRef, useState } from 'react';
import { isTyping } from './keys';

/** `j` and `k` move through rows, Enter opens; quiet while somebody types or a dialog is open. */
export function useListKeys(count: number, open: ((index: number) => void) | undefined, show: (index: number) => void): number {
  const [active, setActive] = useState(-1);
  const latest = useRef({ count, open, show, active });
  useEffect(() => {
    latest.current = { count, open, show, active };
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event)) return;
      const now = latest.current;
      if (!now.open || now.count === 0) return;
      if (event.key === 'j' || event.key === 'k') {
        const next = Math.min(now.count - 1, Math.max(0, now.active + (event.key === 'j' ? 1 : -1)));
        setActive(next);
        now.show(next);
      } else if (event.key === 'Enter' && now.active >= 0 && event.target === document.body) {
        now.open(now.active);
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  return active;
}
