import { Link, useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { workspaces } from '../api/endpoints';
import { useList } from '../api/hooks';
import type { ListParams, Project } from '../api/types';
import { DataTable, type Column } from '../ui/DataTable';
import { Time } from '../ui/Time';

const id = (one: Project) => one.name;

export function useProjects(ws: string, params: ListParams) {
  return useList({
    key: ['projects', ws],
    topic: `workspaces/${ws}`,
    params,
    read: (query, options) => workspaces.projects(ws, query, options),
  });
}

/** Projects of a workspace. */
export function ProjectTable({ ws, query, sort, onSort, empty }: { ws: string; query: ReturnType<typeof useProjects>; sort?: string; onSort?: (sort: string) => void; empty: ReactNode }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const columns = useMemo<Column<Project>[]>(
    () => [
      {
        id: 'name',
        title: t('project.name'),
        sort: 'name',
        cell: (one) => (
          <Link to="/w/$ws/p/$proj/apps" params={{ ws, proj: one.name }} className="mono">
            {one.name}
          </Link>
        ),
      },
      { id: 'displayName', title: t('workspace.displayName'), cell: (one) => (one.deletedAt ? t('project.deleting') : (one.displayName ?? '–')) },
      { id: 'clusters', title: t('workspace.clusters'), cell: (one) => <span className="mono">{one.clusters.join(', ') || '–'}</span> },
      { id: 'objects', title: t('project.objects'), align: 'right', cell: (one) => one.federatedObjects },
      { id: 'created', title: t('workspace.created'), sort: 'createdAt', cell: (one) => <Time at={one.createdAt} /> },
    ],
    [t, ws],
  );
  const open = useCallback((one: Project) => void navigate({ to: '/w/$ws/p/$proj/apps', params: { ws, proj: one.name } }), [navigate, ws]);
  return (
    <DataTable
      label={t('nav.projects')}
      query={query}
      columns={columns}
      rowId={id}
      onOpen={open}
      empty={empty}
      {...(sort === undefined ? {} : { sort })}
      {...(onSort === undefined ? {} : { onSort })}
    />
  );
}
