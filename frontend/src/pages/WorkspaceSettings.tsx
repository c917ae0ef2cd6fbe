import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { workspaces } from '../api/endpoints';
import { useResource } from '../api/hooks';
import { may } from '../api/permissions';
import { ACCESS, useCan } from '../api/session';
import type { Workspace } from '../api/types';
import { useClusters } from '../api/useClusters';
import { Confirm } from '../ui/Confirm';
import { Gate } from '../ui/Gate';
import { Page, Panel } from '../ui/Page';
import { Sentence } from '../ui/Sentence';
import { SettingsForm } from './settingsForm';

export default function WorkspaceSettings() {
  const { t } = useTranslation();
  const { ws } = useParams({ from: '/w/$ws/settings' });
  const query = useResource({ key: ['workspace', ws], topic: `workspaces/${ws}`, read: (options) => workspaces.get(ws, options) });
  return (
    <Page title={t('nav.settings')}>
      <Gate query={query}>{(found) => <Settings key={found.version} workspace={found} />}</Gate>
    </Page>
  );
}

function Settings({ workspace }: { workspace: Workspace }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const can = useCan();
  const { known } = useClusters();
  const [deleting, setDeleting] = useState(false);
  const { name } = workspace;
  // Granting clusters is the platform's matter, not the workspace's.
  const grants = can.platform(may.manageWorkspaces);
  const choices = [...new Set([...workspace.clusters, ...(grants ? known.map((one) => one.name) : [])])].sort();
  return (
    <>
      <SettingsForm
        values={workspace}
        choices={choices}
        known={known}
        clustersLabel={t('workspace.grant')}
        clustersHint={grants ? t('workspace.grantHint') : t('workspace.grantOther')}
        maySetClusters={grants}
        save={async (changes) => {
          const next = await workspaces.update(name, changes, workspace.version);
          cache.setQueryData(['workspace', name], next);
          await cache.invalidateQueries({ queryKey: ACCESS });
        }}
      />
      <Panel title={t('workspace.delete')}>
        <div className="stack">
          {workspace.projects > 0 ? (
            <Sentence tone="note">{t('workspace.deleteFirst', { count: workspace.projects })}</Sentence>
          ) : (
            <p className="muted">{t('workspace.deleteAbout')}</p>
          )}
          <div className="row">
            <Button variant="default" disabled={workspace.projects > 0} onClick={() => setDeleting(true)}>
              {t('workspace.delete')}
            </Button>
          </div>
        </div>
      </Panel>
      {deleting && (
        <Confirm
          title={t('workspace.deleteTitle', { name })}
          verb={t('workspace.delete')}
          typeName={name}
          act={async () => {
            await workspaces.remove(name);
            await cache.invalidateQueries({ queryKey: ACCESS });
            await navigate({ to: '/workspaces' });
          }}
          onClose={() => setDeleting(false)}
        >
          <p>{t('workspace.deleteAbout')}</p>
        </Confirm>
      )}
    </>
  );
}
