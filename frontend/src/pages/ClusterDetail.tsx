import { Button, Checkbox, Radio, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../ui/Dialog';
import { clusters } from '../api/endpoints';
import { useResource } from '../api/hooks';
import { may } from '../api/permissions';
import { useCan } from '../api/session';
import type { Cluster } from '../api/types';
import { useSaid } from '../phrases';
import { Confirm } from '../ui/Confirm';
import { useFailure } from '../ui/failure';
import { useFormat } from '../ui/format';
import { Gate } from '../ui/Gate';
import { Labels, LabelsInput } from '../ui/Labels';
import { Page, Panel } from '../ui/Page';
import { Sentence } from '../ui/Sentence';
import { PhaseState, State } from '../ui/State';
import { Time } from '../ui/Time';
import { clusterReason } from './clusterReason';
import { JoinAgain } from './import/JoinAgain';

export default function ClusterDetail() {
  const { t } = useTranslation();
  const said = useSaid();
  const { cluster: name } = useParams({ from: '/clusters/$cluster/overview' });
  const can = useCan();
  const [dialog, setDialog] = useState<'edit' | 'detach' | 'join'>();
  const query = useResource({ key: ['cluster', name], topic: `clusters/${name}`, read: (options) => clusters.get(name, options) });
  const manages = can.platform(may.manageClusters) || can.cluster(name, may.manageCluster);
  const close = () => setDialog(undefined);
  const actions = manages && (
    <>
      {query.data?.connection === 'agent' && can.platform(may.manageClusters) && (
        <Button variant="default" onClick={() => setDialog('join')}>
          {t('agent.again')}
        </Button>
      )}
      <Button variant="default" onClick={() => setDialog('edit')}>
        {t('cluster.edit')}
      </Button>
      <Button variant="default" onClick={() => setDialog('detach')}>
        {t('cluster.detach')}
      </Button>
    </>
  );
  return (
    <Page
      title={query.data?.displayName ?? name}
      state={query.data && <PhaseState phase={query.data.phase} />}
      about={query.data && <span className="mono">{query.data.endpoint}</span>}
      actions={query.data && actions}
    >
      <Gate query={query}>
        {(cluster) => (
          <>
            {clusterReason(cluster) !== '' && <Sentence tone={cluster.phase === 'Ready' ? 'warn' : 'bad'}>{said(clusterReason(cluster))}</Sentence>}
            {cluster.insecure && <Sentence tone="warn">{t('cluster.insecure')}</Sentence>}
            <div className="two-panels">
              <Facts cluster={cluster} />
              <Conditions cluster={cluster} />
            </div>
            {dialog === 'join' && <JoinAgain cluster={cluster.name} onClose={close} />}
            {dialog === 'edit' && <Edit cluster={cluster} onClose={close} />}
            {dialog === 'detach' && <Detach cluster={cluster} onClose={close} />}
          </>
        )}
      </Gate>
    </Page>
  );
}

function Facts({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { facts } = cluster;
  const stale = cluster.phase === 'Unreachable' && cluster.lastSeenAt;
  const rows: [string, React.ReactNode][] = [
    [t('cluster.name'), <span key="n" className="mono">{cluster.name}</span>],
    [t('cluster.version'), <span key="v" className="mono">{facts.kubernetesVersion ?? '–'}</span>],
    [t('cluster.nodes'), t('cluster.nodesReady', { ready: facts.nodesReady, count: facts.nodes })],
    [t('cluster.cpu'), format.cores(facts.cpuAllocatableMilli)],
    [t('cluster.memory'), format.bytes(facts.memoryAllocatableBytes)],
    [t('cluster.pods'), format.number(facts.podsAllocatable)],
    [t('cluster.provider'), facts.provider ?? '–'],
    [t('cluster.regions'), facts.regions.join(', ') || '–'],
    [t('cluster.zones'), facts.zones.join(', ') || '–'],
    [t('cluster.labels'), <Labels key="l" labels={cluster.labels} />],
    [t('cluster.connection'), t(`connection.${cluster.connection}`)],
    [t('cluster.fixedPort'), cluster.fixedPort ?? '–'],
    [t('cluster.latency'), cluster.latencyMs == null ? '–' : t('cluster.ms', { value: format.number(cluster.latencyMs) })],
    [t('cluster.lastSeen'), cluster.lastSeenAt ? <Time key="s" at={cluster.lastSeenAt} /> : '–'],
    [t('cluster.credential'), cluster.credential ? <Credential key="c" credential={cluster.credential} /> : '–'],
    [t('cluster.imported'), <Time key="i" at={cluster.createdAt} />],
  ];
  return (
    <Panel title={t('cluster.facts')} side={stale && <span className="muted">{t('cluster.stale')} <Time at={stale} /></span>}>
      <dl className="facts num">
        {rows.map(([term, value]) => (
          <div key={term} style={{ display: 'contents' }}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

function Credential({ credential }: { credential: NonNullable<Cluster['credential']> }) {
  const { t } = useTranslation();
  const said = useSaid();
  return (
    <>
      {said(credential.kind)}
      {credential.expiresAt && (
        <>
          {' · '}
          {t('cluster.expires')} <Time at={credential.expiresAt} />
        </>
      )}
    </>
  );
}

function Conditions({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const said = useSaid();
  return (
    <Panel title={t('cluster.conditions')} flush>
      <div className="table-scroll" tabIndex={0} role="region" aria-label={t('cluster.conditions')}>
        <table className="grid">
          <thead>
            <tr>
              <th scope="col">{t('cluster.condition')}</th>
              <th scope="col">{t('cluster.status')}</th>
              <th scope="col">{t('cluster.message')}</th>
              <th scope="col">{t('cluster.since')}</th>
            </tr>
          </thead>
          <tbody>
            {cluster.conditions.map((one) => (
              <tr key={one.type}>
                <th scope="row" className="mono">
                  {one.type}
                </th>
                <td>
                  <State tone={one.status === 'True' ? 'ok' : one.status === 'False' ? 'bad' : 'unknown'} word={t(`truth.${one.status as 'True'}`)} />
                </td>
                <td className="wrap">{said(one.message) || one.reason || '–'}</td>
                <td>
                  <Time at={one.lastTransitionTime} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function Edit({ cluster, onClose }: { cluster: Cluster; onClose: () => void }) {
  const { t } = useTranslation();
  const say = useFailure();
  const cache = useQueryClient();
  const [displayName, setDisplayName] = useState(cluster.displayName ?? '');
  const [labels, setLabels] = useState(cluster.labels);
  const [fixedPort, setFixedPort] = useState(cluster.fixedPort != null);
  const can = useCan();
  const [error, setError] = useState<unknown>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      const next = await clusters.update(cluster.name, { displayName: displayName.trim() || null, labels, fixedPort }, cluster.version);
      cache.setQueryData(['cluster', cluster.name], next);
      onClose();
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <Dialog onClose={onClose} title={t('cluster.editTitle', { name: cluster.name })}>
      <form className="stack" onSubmit={(event) => void submit(event)}>
        <TextInput label={t('cluster.displayName')} value={displayName} onChange={(event) => setDisplayName(event.currentTarget.value)} />
        <LabelsInput value={labels} onChange={setLabels} />
        <p className="muted">{t('cluster.labelsEffect')}</p>
        {can.platform(may.manageClusters) && (
          <Checkbox
            label={t('import.fixedPort')}
            description={t('import.fixedPortHint')}
            checked={fixedPort}
            onChange={(event) => setFixedPort(event.currentTarget.checked)}
          />
        )}
        {error !== undefined && <Sentence tone="bad">{say(error)}</Sentence>}
        <div className="actions">
          <Button variant="default" onClick={onClose}>
            {t('shell.cancel')}
          </Button>
          <Button type="submit">{t('shell.save')}</Button>
        </div>
      </form>
    </Dialog>
  );
}

function Detach({ cluster, onClose }: { cluster: Cluster; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [copies, setCopies] = useState<'orphan' | 'delete'>('orphan');
  const act = async () => {
    await clusters.detach(cluster.name, copies);
    await cache.invalidateQueries({ queryKey: ['clusters'] });
    await navigate({ to: '/clusters' });
  };
  return (
    <Confirm title={t('cluster.detachTitle', { name: cluster.name })} verb={t('cluster.detach')} typeName={cluster.name} act={act} onClose={onClose}>
      <p>{t('cluster.detachAbout')}</p>
      <Radio.Group label={t('cluster.copies')} value={copies} onChange={(value) => setCopies(value as 'orphan')}>
        <div className="stack-tight" style={{ marginTop: 6 }}>
          <Radio size="xs" value="orphan" label={t('cluster.copiesOrphan')} />
          <Radio size="xs" value="delete" label={t('cluster.copiesDelete')} />
        </div>
      </Radio.Group>
    </Confirm>
  );
}
