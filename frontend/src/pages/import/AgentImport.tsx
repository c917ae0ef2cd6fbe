import { Button, Checkbox, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiFailure } from '../../api/client';
import { clusters } from '../../api/endpoints';
import { useResource } from '../../api/hooks';
import type { AgentClusterCreated, Cluster } from '../../api/types';
import { useSaid } from '../../phrases';
import { useFailure, useFieldErrors } from '../../ui/failure';
import { LabelsInput } from '../../ui/Labels';
import { Mark } from '../../ui/Mark';
import { isLabel } from '../../ui/names';
import { Panel } from '../../ui/Page';
import { Sentence } from '../../ui/Sentence';
import { JoinCommand } from './JoinCommand';
import { Stalled } from './Stalled';

const steps = ['JoinTokenIssued', 'AgentSeen', 'AgentIdentified', 'TunnelConnected', 'Reachable', 'Ready'] as const;

/** A cluster that cannot be dialled: its record first, then the command for its agent, and the steps as they happen. */
export function AgentImport() {
  const { t } = useTranslation();
  const say = useFailure();
  const fieldErrors = useFieldErrors();
  const cache = useQueryClient();
  const [name, setName] = useState('');
  const [labels, setLabels] = useState<Record<string, string>>({});
  const [fixedPort, setFixedPort] = useState(false);
  const [force, setForce] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [created, setCreated] = useState<AgentClusterCreated>();
  const wrong = fieldErrors(error);
  const taken = error instanceof ApiFailure && error.code === 'already_exists';

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      setCreated(await clusters.addByAgent({ name, labels, fixedPort, force }));
      await cache.invalidateQueries({ queryKey: ['clusters'] });
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };

  if (created) return <Joining created={created} />;
  return (
    <form className="stack" onSubmit={(event) => void submit(event)}>
      <TextInput
        label={t('cluster.name')}
        description={t('import.nameHint')}
        className="mono-input"
        autoFocus
        spellCheck={false}
        autoComplete="off"
        value={name}
        error={wrong.name ?? (taken ? say(error) : name !== '' && !isLabel(name) ? t('shell.nameBad') : undefined)}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <LabelsInput value={labels} onChange={setLabels} />
      <Checkbox
        label={t('import.fixedPort')}
        description={t('import.fixedPortHint')}
        checked={fixedPort}
        onChange={(event) => setFixedPort(event.currentTarget.checked)}
      />
      <Checkbox
        label={t('import.force')}
        description={t('import.forceHint')}
        checked={force}
        onChange={(event) => setForce(event.currentTarget.checked)}
      />
      {error !== undefined && !taken && Object.keys(wrong).length === 0 && <Sentence tone="bad">{say(error)}</Sentence>}
      <div className="row">
        <Button type="submit" loading={busy} disabled={!isLabel(name)}>
          {t('agent.create')}
        </Button>
      </div>
    </form>
  );
}

function Joining({ created }: { created: AgentClusterCreated }) {
  const { t } = useTranslation();
  const name = created.cluster.name;
  const [join, setJoin] = useState(created.join);
  const query = useResource({ key: ['cluster', name], topic: `clusters/${name}`, read: (options) => clusters.get(name, options) });
  const cluster = query.data ?? created.cluster;
  const holds = (type: (typeof steps)[number]) => cluster.conditions.some((one) => one.type === type && one.status === 'True');
  const refused = cluster.conditions.some((one) => one.reason === 'Refused');
  const stage = refused || holds('TunnelConnected') ? undefined : holds('AgentSeen') ? 'tunnel' : 'contact';
  return (
    <div className="import-columns">
      <div className="stack">
        {stage === 'contact' || refused ? (
          <JoinCommand cluster={name} join={join} onIssued={setJoin} />
        ) : (
          <Sentence tone={cluster.phase === 'Ready' ? 'ok' : 'busy'}>{cluster.phase === 'Ready' ? t('agent.done', { name }) : t('agent.joined')}</Sentence>
        )}
        {cluster.phase === 'Ready' && (
          <div className="row">
            <Button component={Link} to={`/clusters/${name}/overview`}>
              {t('import.open', { name })}
            </Button>
            <Button variant="default" component={Link} to="/workspaces/new">
              {t('workspace.create')}
            </Button>
          </div>
        )}
        {stage && <Stalled key={`${stage} ${join.expiresAt}`} stage={stage} join={join} />}
      </div>
      <Panel title={t('agent.ladder')} flush>
        <AgentLadder cluster={cluster} />
      </Panel>
    </div>
  );
}

/** Where the agent stands, from the cluster's conditions; what stalls says why. */
function AgentLadder({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const said = useSaid();
  return (
    <ol className="lines ladder" aria-live="polite">
      {steps.map((step) => {
        const found = cluster.conditions.find((condition) => condition.type === step);
        const tone = found?.status === 'True' ? 'ok' : found?.reason === 'Refused' || found?.reason === 'Expired' || found?.reason === 'Claimed' ? 'bad' : 'unknown';
        return (
          <li key={step} className={found ? undefined : 'muted'}>
            <Mark tone={found?.reason === 'Refused' ? 'bad' : tone} />
            <div className="grow">
              <span className={found ? 'strong' : undefined}>{t(`agent.step.${step}`)}</span>
              {found?.message && <div className="muted">{said(found.message)}</div>}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
