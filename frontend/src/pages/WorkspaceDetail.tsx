import { Button } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { workspaces } from '../api/endpoints';
import { useResource } from '../api/hooks';
import { may } from '../api/permissions';
import { useCan } from '../api/session';
import { useClusters } from '../api/useClusters';
import { Gate } from '../ui/Gate';
import { Nothing, Page, Panel } from '../ui/Page';
import { PhaseState } from '../ui/State';
import { Time } from '../ui/Time';
import { ProjectTable, useProjects } from './projectList';

export default function WorkspaceDetail() {
  const { t } = useTranslation();
  const { ws } = useParams({ from: '/w/$ws/overview' });
  const can = useCan();
  const workspace = useResource({ key: ['workspace', ws], topic: `workspaces/${ws}`, read: (options) => workspaces.get(ws, options) });
  const projects = useProjects(ws, { sort: 'name' });
  const { known } = useClusters();
  const byName = new Map(known.map((one) => [one.name, one]));
  const creates = can.workspace(ws, may.createProjects);
  return (
    <Page
      title={workspace.data?.displayName ?? ws}
      about={workspace.data?.description ?? undefined}
      actions={
        creates && (
          <Button component={Link} to={`/w/${ws}/projects/new`}>
            {t('project.create')}
          </Button>
        )
      }
    >
      <Gate query={workspace}>
        {(found) => (
          <>
            <div className="two-panels">
              <Panel title={t('workspace.about')}>
                <dl className="facts num">
                  <dt>{t('workspace.name')}</dt>
                  <dd className="mono">{found.name}</dd>
                  <dt>{t('workspace.projects')}</dt>
                  <dd>{found.projects}</dd>
                  <dt>{t('workspace.members')}</dt>
                  <dd>{found.members}</dd>
                  <dt>{t('workspace.created')}</dt>
                  <dd>
                    <Time at={found.createdAt} />
                  </dd>
                </dl>
              </Panel>
              <Panel title={t('workspace.clusters')} flush>
                {found.clusters.length === 0 ? (
                  <Nothing>{t('workspace.noneGranted')}</Nothing>
                ) : (
                  <ul className="lines">
                    {found.clusters.map((name) => {
                      const cluster = byName.get(name);
                      return (
                        <li key={name}>
                          <span className="mono grow">{name}</span>
                          {cluster && <span className="muted mono">{cluster.facts.kubernetesVersion ?? ''}</span>}
                          {cluster && <PhaseState phase={cluster.phase} />}
                        </li>
                      );
                    })}
                  </ul>
                )}
              </Panel>
            </div>
            <h2>{t('nav.projects')}</h2>
            <ProjectTable ws={ws} query={projects} empty={<Nothing>{creates ? t('project.emptyCreate') : t('project.empty')}</Nothing>} />
          </>
        )}
      </Gate>
    </Page>
  );
}
