import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLive, useLiveState } from '../api/hooks';
import { useFormat } from '../ui/format';
import { State } from '../ui/State';

/** Shorter gaps than this are not worth a word about the age of what is shown. */
const STALE_MS = 5000;

/** Whether what is shown is fresh, and how old it is when it is not. Pressing it pauses, resumes, or tries again at once. */
export function LiveDot() {
  const { t } = useTranslation();
  const format = useFormat();
  const live = useLive();
  const state = useLiveState();
  const until = state.kind === 'waiting' ? state.until : undefined;
  const fresh = state.kind === 'live';
  const [now, setNow] = useState(() => Date.now());
  const [left, setLeft] = useState<number>();
  useEffect(() => {
    if (fresh) return;
    const tick = () => setNow(Date.now());
    tick();
    const timer = setInterval(tick, 500);
    return () => clearInterval(timer);
  }, [fresh]);
  useEffect(() => {
    // When the connection ends, what is shown begins to age; before it first stands, nothing is shown yet.
    if (fresh) return () => setLeft(Date.now());
    return undefined;
  }, [fresh]);
  const seconds = until === undefined ? 0 : Math.max(1, Math.ceil((until - now) / 1000));
  const shown = {
    live: { tone: 'ok', word: t('live.live'), next: t('live.pause') },
    connecting: { tone: 'busy', word: t('live.connecting'), next: t('live.pause') },
    waiting: { tone: 'warn', word: t('live.waiting', { count: seconds }), next: t('live.retry') },
    paused: { tone: 'note', word: t('live.paused'), next: t('live.resume') },
  } as const;
  const { tone, word, next } = shown[state.kind];
  const age = !fresh && left !== undefined && now - left >= STALE_MS ? t('live.since', { ago: format.ago(new Date(left).toISOString(), now) }) : '';
  const press = () => {
    if (state.kind === 'paused') live.resume();
    else if (state.kind === 'waiting') live.retryNow();
    else live.pause();
  };
  return (
    <button type="button" className="crumb-button live-dot" title={next} aria-label={[word, age, next].filter(Boolean).join('. ')} onClick={press}>
      <State tone={tone} word={word} />
      {age && <span className="muted num">{age}</span>}
    </button>
  );
}
