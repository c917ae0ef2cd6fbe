import { Button } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { may } from '../api/permissions';
import { useCan } from '../api/session';
import { Filter } from '../ui/Filter';
import { Nothing, Page } from '../ui/Page';
import { useListSearch } from '../ui/useListSearch';
import { ProjectTable, useProjects } from './projectList';

export default function Projects() {
  const { t } = useTranslation();
  const { ws } = useParams({ from: '/w/$ws/projects' });
  const can = useCan();
  const { search, sort, setSearch, setSort } = useListSearch();
  const query = useProjects(ws, { ...(search ? { search } : {}), sort: sort ?? 'name' });
  const creates = can.workspace(ws, may.createProjects);
  return (
    <Page
      title={t('nav.projects')}
      full
      actions={
        creates && (
          <Button component={Link} to={`/w/${ws}/projects/new`}>
            {t('project.create')}
          </Button>
        )
      }
    >
      <div className="tools">
        <Filter value={search} onChange={setSearch} total={query.data?.pages[0]?.total} />
      </div>
      <ProjectTable
        ws={ws}
        query={query}
        sort={sort ?? 'name'}
        onSort={setSort}
        empty={<Nothing>{search ? t('shell.noMatch') : creates ? t('project.emptyCreate') : t('project.empty')}</Nothing>}
      />
    </Page>
  );
}
