import { Button, Textarea } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { clusters } from '../../api/endpoints';
import type { JoinInstructions } from '../../api/types';
import { Copy } from '../../ui/Copy';
import { useFailure } from '../../ui/failure';
import { Sentence } from '../../ui/Sentence';

type Props = { cluster: string; join: JoinInstructions; onIssued: (next: JoinInstructions) => void };

/** How an agent is started: the command or the manifest, how long they are good, and fresh ones when they are not. */
export function JoinCommand({ cluster, join, onIssued }: Props) {
  const { t } = useTranslation();
  const say = useFailure();
  const left = useSecondsUntil(join.expiresAt);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const issue = async () => {
    setBusy(true);
    setError(undefined);
    try {
      onIssued(await clusters.issueJoinToken(cluster));
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  if (left === 0) {
    return (
      <div className="stack">
        <Sentence tone="bad">{t('agent.expired')}</Sentence>
        {error !== undefined && <Sentence tone="bad">{say(error)}</Sentence>}
        <div className="row">
          <Button loading={busy} onClick={() => void issue()}>
            {t('agent.issue')}
          </Button>
        </div>
      </div>
    );
  }
  const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
  return (
    <div className="stack">
      <Sentence tone="warn">
        {t('agent.once')} <span className="num nowrap">{t('agent.left', { time })}</span>
      </Sentence>
      <Shown label={t('agent.command')} hint={t('agent.commandHint')} text={join.command} rows={4} />
      <Shown label={t('agent.manifest')} hint={t('agent.manifestHint')} text={join.manifest} rows={9} />
    </div>
  );
}

function Shown({ label, hint, text, rows }: { label: string; hint: string; text: string; rows: number }) {
  return (
    <div className="stack-tight">
      <Textarea label={label} description={hint} className="mono-input" readOnly rows={rows} value={text} spellCheck={false} />
      <div className="row">
        <Copy text={text} what={label} />
      </div>
    </div>
  );
}

/** Whole seconds until a moment, counted down to nought. */
function useSecondsUntil(moment: string): number {
  const [now, setNow] = useState(() => Date.now());
  const left = Math.max(0, Math.ceil((Date.parse(moment) - now) / 1000));
  const over = left === 0;
  useEffect(() => {
    if (over) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [over]);
  return left;
}
