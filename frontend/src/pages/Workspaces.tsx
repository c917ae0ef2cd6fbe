import { Button } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { workspaces } from '../api/endpoints';
import { useList } from '../api/hooks';
import { may } from '../api/permissions';
import { useCan } from '../api/session';
import type { Workspace } from '../api/types';
import { DataTable, type Column } from '../ui/DataTable';
import { Filter } from '../ui/Filter';
import { Nothing, Page } from '../ui/Page';
import { Time } from '../ui/Time';
import { useListSearch } from '../ui/useListSearch';

const id = (one: Workspace) => one.name;

export default function Workspaces() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const can = useCan();
  const { search, sort, setSearch, setSort } = useListSearch();
  const query = useList({ key: ['workspaces'], topic: 'workspaces', params: { search, sort: sort ?? 'name' }, read: workspaces.list });
  const columns = useMemo<Column<Workspace>[]>(
    () => [
      {
        id: 'name',
        title: t('workspace.name'),
        sort: 'name',
        cell: (one) => (
          <Link to="/w/$ws/overview" params={{ ws: one.name }} className="mono">
            {one.name}
          </Link>
        ),
      },
      { id: 'displayName', title: t('workspace.displayName'), cell: (one) => one.displayName ?? '–' },
      { id: 'clusters', title: t('workspace.clusters'), cell: (one) => <span className="mono">{one.clusters.join(', ') || '–'}</span> },
      { id: 'projects', title: t('workspace.projects'), align: 'right', cell: (one) => one.projects },
      { id: 'members', title: t('workspace.members'), align: 'right', cell: (one) => one.members },
      { id: 'created', title: t('workspace.created'), sort: 'createdAt', cell: (one) => <Time at={one.createdAt} /> },
    ],
    [t],
  );
  const open = useCallback((one: Workspace) => void navigate({ to: '/w/$ws/overview', params: { ws: one.name } }), [navigate]);
  const creates = can.platform(may.createWorkspaces);
  return (
    <Page
      title={t('nav.workspaces')}
      full
      actions={
        creates && (
          <Button component={Link} to="/workspaces/new">
            {t('workspace.create')}
          </Button>
        )
      }
    >
      <div className="tools">
        <Filter value={search} onChange={setSearch} total={query.data?.pages[0]?.total} />
      </div>
      <DataTable
        label={t('nav.workspaces')}
        query={query}
        columns={columns}
        rowId={id}
        sort={sort ?? 'name'}
        onSort={setSort}
        onOpen={open}
        empty={<Nothing>{search ? t('shell.noMatch') : creates ? t('workspace.emptyCreate') : t('workspace.empty')}</Nothing>}
      />
    </Page>
  );
}
