import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLive, useLiveState } from '../api/hooks';
import { State } from '../ui/State';

/** Whether what is shown is fresh. Pressing it pauses, resumes, or tries again at once. */
export function LiveDot() {
  const { t } = useTranslation();
  const live = useLive();
  const state = useLiveState();
  const until = state.kind === 'waiting' ? state.until : undefined;
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (until === undefined) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [until]);
  const seconds = until === undefined ? 0 : Math.max(1, Math.ceil((until - now) / 1000));
  const shown = {
    live: { tone: 'ok', word: t('live.live'), next: t('live.pause') },
    connecting: { tone: 'busy', word: t('live.connecting'), next: t('live.pause') },
    waiting: { tone: 'warn', word: t('live.waiting', { count: seconds }), next: t('live.retry') },
    paused: { tone: 'note', word: t('live.paused'), next: t('live.resume') },
  } as const;
  const { tone, word, next } = shown[state.kind];
  const press = () => {
    if (state.kind === 'paused') live.resume();
    else if (state.kind === 'waiting') live.retryNow();
    else live.pause();
  };
  return (
    <button type="button" className="crumb-button live-dot" title={next} aria-label={`${word}. ${next}`} onClick={press}>
      <State tone={tone} word={word} />
    </button>
  );
}
