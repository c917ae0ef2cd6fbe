// Every call that the console makes, by resource. Pages use these, never paths.
import { api, ApiFailure, body, ifMatch } from './client';
import type * as T from './types';

type Abort = { signal?: AbortSignal };
/** The document has no schema for a template, since any kind can be one; the generated type is empty. */
const asWritten = (request: T.FederatedBody) => request as unknown as T.GeneratedWrite;

export const session = {
  setup: () => body(api.GET('/api/v1/setup')),
  finishSetup: (request: T.SetupRequest) => body(api.POST('/api/v1/setup', { body: request })),
  testUrl: (token: string, url: string) => body(api.POST('/api/v1/setup/url-test', { body: { token, url } })),
  signIn: (name: string, password: string) => body(api.POST('/api/v1/sessions', { body: { name, password } })),
  signOut: () => body(api.DELETE('/api/v1/sessions/current')),
  me: () => body(api.GET('/api/v1/me')),
  updateMe: (request: T.UserUpdate) => body(api.PATCH('/api/v1/me', { body: request })),
  changePassword: (current: string, next: string) => body(api.POST('/api/v1/me/password', { body: { current, new: next } })),
  access: (abort: Abort = {}) => body(api.GET('/api/v1/me/access', abort)),
  overview: async (abort: Abort = {}) => (await body(api.GET('/api/v1/overview', abort))) as T.Overview,
};

export const tokens = {
  list: (query: T.ListParams, abort: Abort = {}) => body(api.GET('/api/v1/me/tokens', { params: { query }, ...abort })),
  create: (request: T.TokenCreate) => body(api.POST('/api/v1/me/tokens', { body: request })),
  revoke: (name: string) => body(api.DELETE('/api/v1/me/tokens/{name}', { params: { path: { name } } })),
};

export const users = {
  list: (query: T.ListParams, abort: Abort = {}) => body(api.GET('/api/v1/users', { params: { query }, ...abort })),
  create: (request: T.UserCreate) => body(api.POST('/api/v1/users', { body: request })),
  update: (user: string, request: T.UserUpdate) => body(api.PATCH('/api/v1/users/{user}', { params: { path: { user } }, body: request })),
  remove: (user: string) => body(api.DELETE('/api/v1/users/{user}', { params: { path: { user } } })),
};

export const roles = {
  list: (scope: T.ScopeKind, abort: Abort = {}) => body(api.GET('/api/v1/roles', { params: { query: { scope } }, ...abort })),
};

export const clusters = {
  list: (query: T.ListParams, abort: Abort = {}) => body(api.GET('/api/v1/clusters', { params: { query }, ...abort })),
  get: (cluster: string, abort: Abort = {}) => body(api.GET('/api/v1/clusters/{cluster}', { params: { path: { cluster } }, ...abort })),
  add: (request: T.ClusterImport) => body(api.POST('/api/v1/clusters', { body: request })),
  issueJoinToken: (cluster: string) => body(api.POST('/api/v1/clusters/{cluster}/join-tokens', { params: { path: { cluster } } })),
  addByAgent: (request: T.AgentClusterCreate) => body(api.POST('/api/v1/agent-clusters', { body: request })),
  update: (cluster: string, request: T.ClusterUpdate, version?: number) =>
    body(api.PATCH('/api/v1/clusters/{cluster}', { params: { path: { cluster } }, body: request, ...ifMatch(version) })),
  detach: (cluster: string, copies: 'orphan' | 'delete') =>
    body(api.DELETE('/api/v1/clusters/{cluster}', { params: { path: { cluster }, query: { copies } } })),
  probe,
};

/** Runs the probe ladder, telling each step as soon as the server has taken it. */
async function probe(request: T.ClusterProbe, onStep: (step: T.ProbeResult) => void, signal?: AbortSignal): Promise<T.ProbeReport> {
  const { response } = await api.POST('/api/v1/clusters/probe', {
    body: request,
    headers: { accept: 'application/x-ndjson' },
    parseAs: 'stream',
    ...(signal ? { signal } : {}),
  });
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let report: T.ProbeReport | undefined;
  const take = (line: string) => {
    if (line.trim() === '') return;
    const parsed = JSON.parse(line) as T.ProbeResult | T.ProbeReport | T.ApiError;
    if ('error' in parsed) throw new ApiFailure(422, parsed.error);
    if ('steps' in parsed) report = parsed;
    else onStep(parsed);
  };
  while (reader) {
    const { done, value } = await reader.read();
    rest += decoder.decode(value, { stream: !done });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(take);
    if (done) break;
  }
  take(rest);
  if (!report) throw new ApiFailure(0, { code: 'no_connection' });
  return report;
}

export const workspaces = {
  list: (query: T.ListParams, abort: Abort = {}) => body(api.GET('/api/v1/workspaces', { params: { query }, ...abort })),
  get: (workspace: string, abort: Abort = {}) => body(api.GET('/api/v1/workspaces/{workspace}', { params: { path: { workspace } }, ...abort })),
  create: (request: T.WorkspaceCreate) => body(api.POST('/api/v1/workspaces', { body: request })),
  update: (workspace: string, request: T.WorkspaceUpdate, version?: number) =>
    body(api.PATCH('/api/v1/workspaces/{workspace}', { params: { path: { workspace } }, body: request, ...ifMatch(version) })),
  remove: (workspace: string) => body(api.DELETE('/api/v1/workspaces/{workspace}', { params: { path: { workspace } } })),
  projects: (workspace: string, query: T.ListParams, abort: Abort = {}) =>
    body(api.GET('/api/v1/workspaces/{workspace}/projects', { params: { path: { workspace }, query }, ...abort })),
  createProject: (workspace: string, request: T.ProjectCreate) =>
    body(api.POST('/api/v1/workspaces/{workspace}/projects', { params: { path: { workspace } }, body: request })),
};

export const projects = {
  get: (project: string, abort: Abort = {}) => body(api.GET('/api/v1/projects/{project}', { params: { path: { project } }, ...abort })),
  update: (project: string, request: T.ProjectUpdate, version?: number) =>
    body(api.PATCH('/api/v1/projects/{project}', { params: { path: { project } }, body: request, ...ifMatch(version) })),
  remove: (project: string) => body(api.DELETE('/api/v1/projects/{project}', { params: { path: { project } } })),
  plan: async (project: string, request: T.FederatedBody, abort: Abort = {}) =>
    (await body(api.POST('/api/v1/projects/{project}/plan', { params: { path: { project } }, body: asWritten(request), ...abort }))) as T.Plan,
};

export type MemberScope = { scope: 'workspaces' | 'projects'; name: string };
export const members = {
  list: ({ scope, name }: MemberScope, query: T.ListParams, abort: Abort = {}) =>
    scope === 'workspaces'
      ? body(api.GET('/api/v1/workspaces/{workspace}/members', { params: { path: { workspace: name }, query }, ...abort }))
      : body(api.GET('/api/v1/projects/{project}/members', { params: { path: { project: name }, query }, ...abort })),
  put: ({ scope, name }: MemberScope, user: string, names: string[]) =>
    scope === 'workspaces'
      ? body(api.PUT('/api/v1/workspaces/{workspace}/members/{user}', { params: { path: { workspace: name, user } }, body: { roles: names } }))
      : body(api.PUT('/api/v1/projects/{project}/members/{user}', { params: { path: { project: name, user } }, body: { roles: names } })),
  remove: ({ scope, name }: MemberScope, user: string) =>
    scope === 'workspaces'
      ? body(api.DELETE('/api/v1/workspaces/{workspace}/members/{user}', { params: { path: { workspace: name, user } } }))
      : body(api.DELETE('/api/v1/projects/{project}/members/{user}', { params: { path: { project: name, user } } })),
};

export type ObjectRef = { project: string; type: string; name: string };
const OBJECTS = '/api/v1/projects/{project}/federated-objects';
const OBJECT = `${OBJECTS}/{type}/{name}` as const;
export const federated = {
  list: async (project: string, query: T.ListParams & { type?: string }, abort: Abort = {}) =>
    (await body(api.GET(OBJECTS, { params: { path: { project }, query }, ...abort }))) as unknown as T.List<T.FederatedObject>,
  get: async (path: ObjectRef, abort: Abort = {}) => (await body(api.GET(OBJECT, { params: { path }, ...abort }))) as unknown as T.FederatedObject,
  create: async (project: string, request: T.FederatedBody) =>
    (await body(api.POST(OBJECTS, { params: { path: { project } }, body: asWritten(request) }))) as unknown as T.FederatedObject,
  replace: async (path: ObjectRef, request: T.FederatedBody, version: number) =>
    (await body(api.PUT(OBJECT, { params: { path }, body: asWritten(request), ...ifMatch(version) }))) as unknown as T.FederatedObject,
  remove: (path: ObjectRef) => body(api.DELETE(OBJECT, { params: { path } })),
  revisions: async (path: ObjectRef, query: T.ListParams, abort: Abort = {}) =>
    (await body(api.GET(`${OBJECT}/revisions`, { params: { path, query }, ...abort }))) as unknown as T.List<T.Revision>,
  types: (abort: Abort = {}) => body(api.GET('/api/v1/types', abort)),
};

export const audit = {
  list: async (query: T.ListParams & T.AuditFilter, abort: Abort = {}) => (await body(api.GET('/api/v1/audit', { params: { query }, ...abort }))) as T.List<T.AuditEntry>,
};
