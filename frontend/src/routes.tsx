// Every page and its address. Only what has a page is here; each is loaded when it is first visited.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { basePath } from './api/base';
import { Layout } from './shell/Layout';
import { Lost, PageFault } from './shell/Lost';

export type ListSearch = { search?: string; sort?: string };
const listSearch = (raw: Record<string, unknown>): ListSearch => ({
  ...(typeof raw.search === 'string' ? { search: raw.search } : {}),
  ...(typeof raw.sort === 'string' ? { sort: raw.sort } : {}),
});
export type AuditSearch = { actor?: string; verb?: string; kind?: string; project?: string; workspace?: string; since?: string };
const auditFields = ['actor', 'verb', 'kind', 'project', 'workspace', 'since'] as const;
const auditSearch = (raw: Record<string, unknown>): AuditSearch =>
  Object.fromEntries(auditFields.flatMap((field) => (typeof raw[field] === 'string' ? [[field, raw[field]]] : [])));

const root = createRootRoute({ component: Layout, notFoundComponent: Lost });
const route = <Path extends string>(path: Path) => ({ getParentRoute: () => root, path });

const home = createRoute({ ...route('/'), component: lazyRouteComponent(() => import('./pages/Home')) });

const clusters = createRoute({ ...route('/clusters'), validateSearch: listSearch, component: lazyRouteComponent(() => import('./pages/Clusters')) });
const clusterImport = createRoute({ ...route('/clusters/import'), component: lazyRouteComponent(() => import('./pages/ClusterImport')) });
const cluster = createRoute({ ...route('/clusters/$cluster/overview'), component: lazyRouteComponent(() => import('./pages/ClusterDetail')) });
const clusterStart = createRoute({
  ...route('/clusters/$cluster'),
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/clusters/$cluster/overview', params, replace: true });
  },
});

const workspaces = createRoute({ ...route('/workspaces'), validateSearch: listSearch, component: lazyRouteComponent(() => import('./pages/Workspaces')) });
const workspaceNew = createRoute({ ...route('/workspaces/new'), component: lazyRouteComponent(() => import('./pages/WorkspaceNew')) });
const workspace = createRoute({ ...route('/w/$ws/overview'), component: lazyRouteComponent(() => import('./pages/WorkspaceDetail')) });
const workspaceStart = createRoute({
  ...route('/w/$ws'),
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/w/$ws/overview', params, replace: true });
  },
});
const projects = createRoute({ ...route('/w/$ws/projects'), validateSearch: listSearch, component: lazyRouteComponent(() => import('./pages/Projects')) });
const projectNew = createRoute({ ...route('/w/$ws/projects/new'), component: lazyRouteComponent(() => import('./pages/ProjectNew')) });
const workspaceMembers = createRoute({ ...route('/w/$ws/members'), component: lazyRouteComponent(() => import('./pages/WorkspaceMembers')) });
const workspaceSettings = createRoute({ ...route('/w/$ws/settings'), component: lazyRouteComponent(() => import('./pages/WorkspaceSettings')) });

const projectStart = createRoute({
  ...route('/w/$ws/p/$proj'),
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/w/$ws/p/$proj/apps', params, replace: true });
  },
});
const apps = createRoute({ ...route('/w/$ws/p/$proj/apps'), validateSearch: listSearch, component: lazyRouteComponent(() => import('./pages/Apps')) });
const projectMembers = createRoute({ ...route('/w/$ws/p/$proj/members'), component: lazyRouteComponent(() => import('./pages/ProjectMembers')) });
const projectSettings = createRoute({ ...route('/w/$ws/p/$proj/settings'), component: lazyRouteComponent(() => import('./pages/ProjectSettings')) });

const fedNew = createRoute({ ...route('/w/$ws/p/$proj/fed/new'), component: lazyRouteComponent(() => import('./pages/FederatedNew')) });
const fedEdit = createRoute({ ...route('/w/$ws/p/$proj/fed/$type/$name/edit'), component: lazyRouteComponent(() => import('./pages/FederatedEdit')) });
const fedStatus = createRoute({ ...route('/w/$ws/p/$proj/fed/$type/$name/status'), component: lazyRouteComponent(() => import('./pages/FederatedStatus')) });
const fedSpec = createRoute({ ...route('/w/$ws/p/$proj/fed/$type/$name/spec'), component: lazyRouteComponent(() => import('./pages/FederatedSpec')) });
const fedHistory = createRoute({ ...route('/w/$ws/p/$proj/fed/$type/$name/history'), component: lazyRouteComponent(() => import('./pages/FederatedHistory')) });

const users = createRoute({ ...route('/access/users'), validateSearch: listSearch, component: lazyRouteComponent(() => import('./pages/Users')) });
const audit = createRoute({ ...route('/audit'), validateSearch: auditSearch, component: lazyRouteComponent(() => import('./pages/Audit')) });
const profile = createRoute({ ...route('/me/profile'), component: lazyRouteComponent(() => import('./pages/Profile')) });
const myTokens = createRoute({ ...route('/me/tokens'), component: lazyRouteComponent(() => import('./pages/Tokens')) });

const tree = root.addChildren([
  home,
  clusters,
  clusterImport,
  clusterStart,
  cluster,
  workspaces,
  workspaceNew,
  workspaceStart,
  workspace,
  projects,
  projectNew,
  workspaceMembers,
  workspaceSettings,
  projectStart,
  apps,
  projectMembers,
  projectSettings,
  fedNew,
  fedEdit,
  fedStatus,
  fedSpec,
  fedHistory,
  users,
  audit,
  profile,
  myTokens,
]);

export const makeRouter = () =>
  createRouter({
    routeTree: tree,
    basepath: basePath || '/',
    defaultPreload: 'intent',
    defaultNotFoundComponent: Lost,
    defaultErrorComponent: PageFault,
    scrollRestoration: false,
  });

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
