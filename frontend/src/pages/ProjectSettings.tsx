import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { federated, projects, workspaces } from '../api/endpoints';
import { useResource } from '../api/hooks';
import { ACCESS } from '../api/session';
import type { Project } from '../api/types';
import { useClusters } from '../api/useClusters';
import { Confirm } from '../ui/Confirm';
import { Gate } from '../ui/Gate';
import { Page, Panel } from '../ui/Page';
import { SettingsForm } from './settingsForm';

export default function ProjectSettings() {
  const { t } = useTranslation();
  const { proj } = useParams({ from: '/w/$ws/p/$proj/settings' });
  const query = useResource({ key: ['project', proj], topic: `projects/${proj}`, read: (options) => projects.get(proj, options) });
  return (
    <Page title={t('nav.settings')}>
      <Gate query={query}>{(found) => <Settings key={found.version} project={found} />}</Gate>
    </Page>
  );
}

function Settings({ project }: { project: Project }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const { known } = useClusters();
  const workspace = useResource({ key: ['workspace', project.workspace], read: (options) => workspaces.get(project.workspace, options) });
  const [deleting, setDeleting] = useState(false);
  const { name } = project;
  return (
    <>
      <SettingsForm
        values={project}
        choices={[...new Set([...project.clusters, ...(workspace.data?.clusters ?? [])])].sort()}
        known={known}
        clustersLabel={t('workspace.clusters')}
        clustersHint={t('project.clustersHint')}
        maySetClusters
        leaving={(names) => t('project.leaving', { names: names.join(', '), count: names.length })}
        save={async (changes) => {
          cache.setQueryData(['project', name], await projects.update(name, changes, project.version));
          await cache.invalidateQueries({ queryKey: ACCESS });
        }}
      />
      <Panel title={t('project.delete')}>
        <div className="stack">
          <p className="muted">{t('project.deleteAbout')}</p>
          <div className="row">
            <Button variant="default" onClick={() => setDeleting(true)}>
              {t('project.delete')}
            </Button>
          </div>
        </div>
      </Panel>
      {deleting && (
        <Confirm
          title={t('project.deleteTitle', { name })}
          verb={t('project.delete')}
          typeName={name}
          act={async () => {
            await projects.remove(name);
            await cache.invalidateQueries({ queryKey: ACCESS });
            await navigate({ to: '/w/$ws/projects', params: { ws: project.workspace } });
          }}
          onClose={() => setDeleting(false)}
        >
          <p>{t('project.deleteGoes', { clusters: project.clusters.join(', ') || '–', count: project.federatedObjects })}</p>
          <Objects project={name} />
        </Confirm>
      )}
    </>
  );
}

/** What goes with the project, by name. */
function Objects({ project }: { project: string }) {
  const query = useResource({ key: ['objects', project, 'going'], read: (options) => federated.list(project, { limit: 20, sort: 'name' }, options) });
  const items = query.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <ul className="plain-list mono">
      {items.map((one) => (
        <li key={`${one.type}/${one.name}`}>{`${one.kind} ${one.name}`}</li>
      ))}
      {(query.data?.total ?? 0) > items.length && <li>{'…'}</li>}
    </ul>
  );
}
