// Who is signed in, and the whole navigation: one request each, shared by every page.
import { useResource } from './hooks';
import { session } from './endpoints';
import type { Access } from './types';

export const ME = ['me'] as const;
export const ACCESS = ['access'] as const;

export const useMe = () => useResource({ key: ME, read: () => session.me() });
export const useAccess = () => useResource({ key: ACCESS, read: (options) => session.access(options), topic: 'workspaces' });

const nothing: Access = { platform: [], workspaces: [], clusters: [] };

/** Whether the caller may do something, asked the way the server decides it. */
export function useCan() {
  const access = useAccess().data ?? nothing;
  const workspace = (name: string) => access.workspaces.find((one) => one.name === name);
  return {
    known: access !== nothing,
    platform: (permission: string) => access.platform.includes(permission),
    cluster: (name: string, permission: string) =>
      access.clusters.some((one) => one.name === name && one.permissions.includes(permission)),
    workspace: (name: string, permission: string) => workspace(name)?.permissions.includes(permission) ?? false,
    project: (name: string, permission: string) =>
      access.workspaces.some((one) => one.projects.some((project) => project.name === name && project.permissions.includes(permission))),
  };
}
