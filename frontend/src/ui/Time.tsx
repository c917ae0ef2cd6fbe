import { useSyncExternalStore } from 'react';
import { useFormat } from './format';

// One clock for every time on the page, so that a table of hundreds does not have hundreds of timers.
const TICK_MS = 5000;
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    listeners.forEach((one) => one());
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

export const useNow = () => useSyncExternalStore(subscribe, () => now);

/** A moment as distance from now, the exact time on hover. */
export function Time({ at }: { at: string }) {
  const format = useFormat();
  const moment = useNow();
  const then = Date.parse(at);
  // The shared clock ticks slowly; what happened since its last tick is now, not in the future.
  const seenFrom = then > moment && then - moment < TICK_MS ? then : moment;
  return (
    <time dateTime={at} title={format.time(at)} className="nowrap">
      {format.ago(at, seenFrom)}
    </time>
  );
}
