import { Link, type LinkProps } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { may } from '../api/permissions';
import { useAccess, useCan } from '../api/session';

type Entry = { label: string; link: LinkProps; shown: boolean; exact?: boolean };

/** Only what a person may see is here; it all comes from one request. */
export function Navigation({ workspace, project }: { workspace: string | undefined; project: string | undefined }) {
  const { t } = useTranslation();
  const access = useAccess().data;
  const can = useCan();
  const ws = access?.workspaces.find((one) => one.name === workspace);
  const proj = ws?.projects.find((one) => one.name === project);
  const platform: Entry[] = [
    { label: t('nav.home'), link: { to: '/' }, shown: true, exact: true },
    { label: t('nav.clusters'), link: { to: '/clusters' }, shown: can.platform(may.seeClusters) || (access?.clusters.length ?? 0) > 0 },
    { label: t('nav.workspaces'), link: { to: '/workspaces' }, shown: can.platform(may.seeWorkspaces) || can.platform(may.createWorkspaces) || (access?.workspaces.length ?? 0) > 0 },
    { label: t('nav.users'), link: { to: '/access/users' }, shown: can.platform(may.seeUsers) },
    { label: t('nav.audit'), link: { to: '/audit' }, shown: can.platform(may.seeAudit) },
  ];
  const params = { ws: workspace ?? '', proj: project ?? '' };
  const inWorkspace: Entry[] = [
    { label: t('nav.overview'), link: { to: '/w/$ws/overview', params }, shown: true },
    { label: t('nav.projects'), link: { to: '/w/$ws/projects', params }, shown: true, exact: true },
    { label: t('nav.members'), link: { to: '/w/$ws/members', params }, shown: can.workspace(params.ws, may.seeWorkspaceMembers) },
    { label: t('nav.settings'), link: { to: '/w/$ws/settings', params }, shown: can.workspace(params.ws, may.manageWorkspace) },
  ];
  const inProject: Entry[] = [
    { label: t('nav.apps'), link: { to: '/w/$ws/p/$proj/apps', params }, shown: true },
    { label: t('nav.members'), link: { to: '/w/$ws/p/$proj/members', params }, shown: can.project(params.proj, may.seeProjectMembers) },
    { label: t('nav.settings'), link: { to: '/w/$ws/p/$proj/settings', params }, shown: can.project(params.proj, may.manageProject) },
  ];
  return (
    <nav className="shell-nav" aria-label={t('nav.label')}>
      <Group entries={platform} />
      {workspace && <Group title={t('nav.workspace', { name: ws?.displayName ?? workspace })} entries={inWorkspace} />}
      {project && <Group title={t('nav.project', { name: proj?.displayName ?? project })} entries={inProject} />}
    </nav>
  );
}

function Group({ title, entries }: { title?: string; entries: Entry[] }) {
  return (
    <>
      {title && <div className="nav-title">{title}</div>}
      <ul className="nav-group">
        {entries
          .filter((entry) => entry.shown)
          .map(({ label, link, exact }) => (
            <li key={label}>
              <Link {...link} className="nav-link" activeProps={{ 'aria-current': 'page' }} activeOptions={{ exact: exact ?? false, includeSearch: false }}>
                {label}
              </Link>
            </li>
          ))}
      </ul>
    </>
  );
}
