import { Button } from '@mantine/core';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { federated, projects } from '../api/endpoints';
import { useList, useResource } from '../api/hooks';
import { may } from '../api/permissions';
import { useCan } from '../api/session';
import type { FederatedObject } from '../api/types';
import { useSaid } from '../phrases';
import { DataTable, type Column } from '../ui/DataTable';
import { Filter } from '../ui/Filter';
import { Nothing, Page } from '../ui/Page';
import { Sentence } from '../ui/Sentence';
import { PhaseState } from '../ui/State';
import { Time } from '../ui/Time';
import { useListSearch } from '../ui/useListSearch';

const id = (one: FederatedObject) => `${one.type}/${one.name}`;

/** Federated objects of a project. */
export default function Apps() {
  const { t } = useTranslation();
  const said = useSaid();
  const { ws, proj } = useParams({ from: '/w/$ws/p/$proj/apps' });
  const navigate = useNavigate();
  const can = useCan();
  const { search, sort, setSearch, setSort } = useListSearch();
  const project = useResource({ key: ['project', proj], topic: `projects/${proj}`, read: (options) => projects.get(proj, options) });
  const query = useList({
    key: ['objects', proj],
    topic: `projects/${proj}/federated-objects`,
    params: { search, sort: sort ?? 'name' },
    read: (params, options) => federated.list(proj, params, options),
  });
  const columns = useMemo<Column<FederatedObject>[]>(
    () => [
      {
        id: 'name',
        title: t('object.name'),
        sort: 'name',
        cell: (one) => (
          <Link to="/w/$ws/p/$proj/fed/$type/$name/status" params={{ ws, proj, type: one.type, name: one.name }} className="mono">
            {one.name}
          </Link>
        ),
      },
      { id: 'kind', title: t('object.kind'), sort: 'type', cell: (one) => <span title={one.type}>{one.kind}</span> },
      { id: 'phase', title: t('object.state'), cell: (one) => (one.deletedAt ? t('object.deleting') : <PhaseState phase={one.status.phase} />) },
      {
        id: 'clusters',
        title: t('object.clusters'),
        align: 'right',
        cell: (one) => t('object.ready', { ready: one.status.clustersReady, count: one.status.clustersPlaced }),
      },
      {
        id: 'replicas',
        title: t('object.replicas'),
        align: 'right',
        cell: (one) => (one.status.replicas == null ? '–' : t('object.ready', { ready: one.status.readyReplicas ?? 0, count: one.status.replicas })),
      },
      { id: 'message', title: t('object.message'), cell: (one) => <span title={said(one.status.message)}>{said(one.status.message) || '–'}</span> },
      { id: 'updated', title: t('object.changed'), sort: 'updatedAt', cell: (one) => <Time at={one.updatedAt} /> },
    ],
    [t, said, ws, proj],
  );
  const open = useCallback(
    (one: FederatedObject) => void navigate({ to: '/w/$ws/p/$proj/fed/$type/$name/status', params: { ws, proj, type: one.type, name: one.name } }),
    [navigate, ws, proj],
  );
  const edits = can.project(proj, may.editObjects);
  const nowhere = project.data?.clusters.length === 0;
  return (
    <Page
      title={t('nav.apps')}
      about={project.data && t('object.projectClusters', { clusters: project.data.clusters.join(', ') || '–' })}
      full
      actions={
        edits && (
          <Button component={Link} to={`/w/${ws}/p/${proj}/fed/new`}>
            {t('object.create')}
          </Button>
        )
      }
    >
      {nowhere && <Sentence tone="warn">{t('object.nowhere')}</Sentence>}
      <div className="tools">
        <Filter value={search} onChange={setSearch} total={query.data?.pages[0]?.total} />
      </div>
      <DataTable
        label={t('nav.apps')}
        query={query}
        columns={columns}
        rowId={id}
        sort={sort ?? 'name'}
        onSort={setSort}
        onOpen={open}
        empty={<Nothing>{search ? t('shell.noMatch') : edits ? t('object.emptyCreate') : t('object.empty')}</Nothing>}
      />
    </Page>
  );
}
