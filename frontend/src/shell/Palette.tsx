import { Spotlight, type SpotlightActionData } from '@mantine/spotlight';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { may } from '../api/permissions';
import { useAccess, useCan } from '../api/session';

/** ⌘K: every place by name. */
export function Palette() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const access = useAccess().data;
  const can = useCan();
  const seesClusters = can.platform(may.seeClusters);
  const imports = can.platform(may.manageClusters);
  const creates = can.platform(may.createWorkspaces);
  const actions = useMemo(() => {
    const list: SpotlightActionData[] = [{ id: 'home', label: t('nav.home'), onClick: () => void navigate({ to: '/' }) }];
    if (seesClusters) list.push({ id: 'clusters', label: t('nav.clusters'), onClick: () => void navigate({ to: '/clusters' }) });
    if (imports) list.push({ id: 'import', label: t('cluster.import'), onClick: () => void navigate({ to: '/clusters/import' }) });
    if (creates) list.push({ id: 'workspace', label: t('workspace.create'), onClick: () => void navigate({ to: '/workspaces/new' }) });
    list.push({ id: 'tokens', label: t('user.tokens'), onClick: () => void navigate({ to: '/me/tokens' }) });
    for (const ws of access?.workspaces ?? []) {
      list.push({
        id: `w-${ws.name}`,
        label: ws.displayName ?? ws.name,
        description: t('nav.workspace', { name: ws.name }),
        onClick: () => void navigate({ to: '/w/$ws/overview', params: { ws: ws.name } }),
      });
      for (const project of ws.projects) {
        list.push({
          id: `p-${project.name}`,
          label: project.displayName ?? project.name,
          description: `${ws.name} ▸ ${project.name}`,
          onClick: () => void navigate({ to: '/w/$ws/p/$proj/apps', params: { ws: ws.name, proj: project.name } }),
        });
      }
    }
    return list;
  }, [access, creates, imports, navigate, seesClusters, t]);
  return (
    <Spotlight
      actions={actions}
      limit={12}
      nothingFound={t('switcher.none')}
      transitionProps={{ duration: 100 }}
      overlayProps={{ blur: 0, backgroundOpacity: 0.4 }}
      attributes={{ content: { 'aria-label': t('shell.goTo') } }}
      searchProps={{ placeholder: t('switcher.find'), 'aria-label': t('switcher.find') }}
    />
  );
}
