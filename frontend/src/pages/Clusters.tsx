import { Button } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { apiRoot } from '../api/base';
import { clusters } from '../api/endpoints';
import { useList } from '../api/hooks';
import { may } from '../api/permissions';
import { useCan } from '../api/session';
import type { Cluster } from '../api/types';
import { useSaid } from '../phrases';
import { DataTable, type Column } from '../ui/DataTable';
import { Filter } from '../ui/Filter';
import { Nothing, Page } from '../ui/Page';
import { PhaseState } from '../ui/State';
import { useFormat } from '../ui/format';
import { Time } from '../ui/Time';
import { useListSearch } from '../ui/useListSearch';
import { clusterReason } from './clusterReason';

const id = (cluster: Cluster) => cluster.name;

export default function Clusters() {
  const { t } = useTranslation();
  const said = useSaid();
  const format = useFormat();
  const navigate = useNavigate();
  const can = useCan();
  const { search, sort, setSearch, setSort } = useListSearch();
  const query = useList({ key: ['clusters'], topic: 'clusters', params: { search, sort: sort ?? 'name' }, read: clusters.list });
  const columns = useMemo<Column<Cluster>[]>(
    () => [
      {
        id: 'name',
        title: t('cluster.name'),
        sort: 'name',
        cell: (one) => (
          <Link to="/clusters/$cluster/overview" params={{ cluster: one.name }} className="mono">
            {one.name}
          </Link>
        ),
      },
      { id: 'phase', title: t('cluster.status'), cell: (one) => <PhaseState phase={one.phase} /> },
      { id: 'version', title: t('cluster.version'), cell: (one) => <span className="mono">{one.facts.kubernetesVersion ?? '–'}</span> },
      { id: 'nodes', title: t('cluster.nodes'), align: 'right', cell: (one) => t('cluster.nodesReady', { ready: one.facts.nodesReady, count: one.facts.nodes }) },
      { id: 'cpu', title: t('cluster.cpu'), align: 'right', cell: (one) => format.cores(one.facts.cpuAllocatableMilli) },
      { id: 'memory', title: t('cluster.memory'), align: 'right', cell: (one) => format.bytes(one.facts.memoryAllocatableBytes) },
      { id: 'latency', title: t('cluster.latency'), align: 'right', cell: (one) => (one.latencyMs == null ? '–' : t('cluster.ms', { value: format.number(one.latencyMs) })) },
      { id: 'seen', title: t('cluster.lastSeen'), cell: (one) => (one.lastSeenAt ? <Time at={one.lastSeenAt} /> : '–') },
      { id: 'connection', title: t('cluster.connection'), cell: (one) => t(`connection.${one.connection}`) },
      { id: 'port', title: t('cluster.fixedPort'), align: 'right', cell: (one) => one.fixedPort ?? '–' },
      { id: 'reason', title: t('cluster.reason'), fill: true, cell: (one) => <span title={said(clusterReason(one))}>{said(clusterReason(one)) || '–'}</span> },
    ],
    [t, said, format],
  );
  const open = useCallback((one: Cluster) => void navigate({ to: '/clusters/$cluster/overview', params: { cluster: one.name } }), [navigate]);
  const imports = can.platform(may.manageClusters);
  const button = (
    <>
      <Button component="a" href={`${apiRoot}/kubeconfig`} download="hanse-kubeconfig.yaml" variant="default">
        {t('cluster.kubeconfig')}
      </Button>
      {imports && (
        <Button component={Link} to="/clusters/import">
          {t('cluster.import')}
        </Button>
      )}
    </>
  );
  return (
    <Page title={t('nav.clusters')} actions={button} full>
      <div className="tools">
        <Filter value={search} onChange={setSearch} total={query.data?.pages[0]?.total} />
      </div>
      <DataTable
        label={t('nav.clusters')}
        query={query}
        columns={columns}
        rowId={id}
        sort={sort ?? 'name'}
        onSort={setSort}
        onOpen={open}
        empty={<Nothing>{search ? t('shell.noMatch') : imports ? t('cluster.emptyImport') : t('cluster.empty')}</Nothing>}
      />
    </Page>
  );
}
