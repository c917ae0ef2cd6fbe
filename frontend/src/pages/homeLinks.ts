import type { LinkProps } from '@tanstack/react-router';
import type { Access, Attention } from '../api/types';

/** Where each step of the first-day checklist is done. */
export function checklistLinks(access: Access | undefined): Record<string, LinkProps> {
  const workspace = access?.workspaces[0];
  const withProject = access?.workspaces.find((one) => one.projects.length > 0);
  const project = withProject?.projects[0];
  return {
    cluster: { to: '/clusters/import' },
    'second-cluster': { to: '/clusters/import' },
    workspace: workspace ? { to: '/w/$ws/projects/new', params: { ws: workspace.name } } : { to: '/workspaces/new' },
    application: withProject && project ? { to: '/w/$ws/p/$proj/fed/new', params: { ws: withProject.name, proj: project.name } } : { to: '/workspaces' },
  };
}

/** The page that says more about what needs attention. */
export function attentionLink(one: Attention, access: Access | undefined): LinkProps | undefined {
  const [kind, first, , type, name] = one.path.split('/');
  if (kind === 'clusters' && first) return { to: '/clusters/$cluster/overview', params: { cluster: first } };
  const workspace = access?.workspaces.find((ws) => ws.projects.some((project) => project.name === first));
  if (!workspace || !first || !type || !name) return undefined;
  return { to: '/w/$ws/p/$proj/fed/$type/$name/status', params: { ws: workspace.name, proj: first, type, name } };
}
