import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { clusters } from '../../api/endpoints';
import type { JoinInstructions } from '../../api/types';
import { Dialog } from '../../ui/Dialog';
import { useFailure } from '../../ui/failure';
import { Sentence } from '../../ui/Sentence';
import { JoinCommand } from './JoinCommand';

/** A fresh command for a cluster whose agent has not joined, or has to join again. */
export function JoinAgain({ cluster, onClose }: { cluster: string; onClose: () => void }) {
  const { t } = useTranslation();
  const say = useFailure();
  const [join, setJoin] = useState<JoinInstructions>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const issue = async () => {
    setBusy(true);
    try {
      setJoin(await clusters.issueJoinToken(cluster));
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog onClose={onClose} title={t('agent.againTitle', { name: cluster })} keepOpen={join !== undefined}>
      <div className="stack">
        {join ? <JoinCommand cluster={cluster} join={join} onIssued={setJoin} /> : <p>{t('agent.againAbout')}</p>}
        {error !== undefined && <Sentence tone="bad">{say(error)}</Sentence>}
        <div className="actions">
          <Button variant="default" onClick={onClose}>
            {t('shell.close')}
          </Button>
          {!join && (
            <Button loading={busy} onClick={() => void issue()}>
              {t('agent.issue')}
            </Button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
