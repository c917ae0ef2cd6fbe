import { Button, Checkbox, Textarea, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiFailure } from '../../api/client';
import { clusters } from '../../api/endpoints';
import { useResource } from '../../api/hooks';
import type { AgentClusterCreated, Cluster } from '../../api/types';
import { Copy } from '../../ui/Copy';
import { fieldErrors, useFailure } from '../../ui/failure';
import { LabelsInput } from '../../ui/Labels';
import { Mark } from '../../ui/Mark';
import { isLabel } from '../../ui/names';
import { Panel } from '../../ui/Page';
import { Sentence } from '../../ui/Sentence';

const steps = ['JoinTokenIssued', 'AgentSeen', 'AgentIdentified', 'TunnelConnected', 'Reachable', 'Ready'] as const;

/** A cluster that cannot be dialled: its record first, then the command for its agent, and the steps as they happen. */
export function AgentImport() {
  const { t } = useTranslation();
  const say = useFailure();
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
  const query = useResource({ key: ['cluster', name], topic: `clusters/${name}`, read: (options) => clusters.get(name, options) });
  const cluster = query.data ?? created.cluster;
  return (
    <div className="import-columns">
      <div className="stack">
        <Sentence tone="warn">{t('agent.once')}</Sentence>
        <Shown label={t('agent.command')} hint={t('agent.commandHint')} text={created.join.command} rows={4} />
        <Shown label={t('agent.manifest')} hint={t('agent.manifestHint')} text={created.join.manifest} rows={9} />
      </div>
      <Panel title={t('agent.ladder')} flush>
        <AgentLadder cluster={cluster} />
        {cluster.phase === 'Ready' && (
          <p className="ladder-end">
            <Link to="/clusters/$cluster/overview" params={{ cluster: name }}>
              {t('import.open', { name })}
            </Link>
          </p>
        )}
      </Panel>
    </div>
  );
}

function Shown({ label, hint, text, rows }: { label: string; hint: string; text: string; rows: number }) {
  return (
    <div className="stack">
      <Textarea label={label} description={hint} className="mono-input" readOnly rows={rows} value={text} spellCheck={false} />
      <div className="row">
        <Copy text={text} />
      </div>
    </div>
  );
}

/** Where the agent stands, from the cluster's conditions; what stalls says why. */
function AgentLadder({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
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
              {found?.message && <div className="muted">{found.message}</div>}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
