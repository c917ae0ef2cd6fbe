// Canned answers: a platform with everything that a page can show, in its good and its bad states.
const minutes = (count) => new Date(Date.now() - count * 60_000).toISOString();
const days = (count) => minutes(count * 1440);

const facts = (version, nodes, ready = nodes, region = 'eu-west-1') => ({
  kubernetesVersion: version,
  nodes,
  nodesReady: ready,
  cpuAllocatableMilli: nodes * 7_800,
  memoryAllocatableBytes: nodes * 33_285_996_544,
  podsAllocatable: nodes * 110,
  provider: 'aws',
  regions: [region],
  zones: [`${region}a`, `${region}b`],
});

// The mock says what the server says, so that the test of languages means something.
const NO_ANSWER = '10.2.0.4:6443 does not answer within 10 s. Check the address, and routes and firewalls between Hanse and the cluster.';
const condition = (type, status, reason, message, at) => ({ type, status, reason, message, lastTransitionTime: at });

export function cluster(name, phase = 'Ready', more = {}) {
  const down = phase === 'Unreachable';
  return {
    id: `0190-${name}`,
    name,
    displayName: null,
    labels: { region: name.split('-')[0] ?? name, tier: 'prod' },
    connection: 'direct',
    endpoint: `https://${name}.example.com:6443`,
    insecure: false,
    fixedPort: null,
    phase,
    conditions: [
      condition('Ready', phase === 'Ready' ? 'True' : down ? 'Unknown' : 'False', phase, phase === 'Ready' ? 'The API server is ready.' : down ? NO_ANSWER : phase === 'Pending' ? 'The cluster has not been asked yet.' : 'The API server says that it is not ready (HTTP 500): [-]etcd failed', minutes(4)),
      condition('CredentialValid', 'True', 'Valid', 'The cluster accepts the credential.', days(3)),
    ],
    facts: facts('v1.36.3', 6, phase === 'NotReady' ? 5 : 6),
    latencyMs: down ? null : 12.4,
    lastSeenAt: down ? minutes(4) : minutes(0),
    credential: { kind: 'client certificate', expiresAt: days(-200) },
    createdAt: days(12),
    version: 3,
    ...more,
  };
}

const all = (prefix, names) => names.map((name) => `${prefix}.${name}`);
export const permissions = {
  platform: all('platform', ['clusters.view', 'clusters.manage', 'workspaces.view', 'workspaces.create', 'workspaces.manage', 'users.view', 'users.manage', 'roles.view', 'audit.view', 'types.view']),
  workspace: all('workspace', ['settings.view', 'settings.manage', 'members.view', 'members.manage', 'projects.view', 'projects.create', 'projects.manage', 'clusters.view']),
  project: all('project', ['settings.view', 'settings.manage', 'members.view', 'members.manage', 'federated-objects.view', 'federated-objects.edit', 'federated-objects.manage']),
};

const role = (scope, name, description) => ({ name, scope, builtIn: true, description, permissions: [] });
export const roles = [
  role('platform', 'administrator', 'Everything, everywhere'),
  role('platform', 'cluster-manager', 'All clusters and what is in them'),
  role('platform', 'user-manager', 'All accounts'),
  role('platform', 'auditor', 'Reads everything except secrets'),
  role('workspace', 'administrator', 'Everything in the workspace and its projects'),
  role('workspace', 'project-creator', 'Makes projects and administers what it made'),
  role('workspace', 'member', 'Sees the workspace and its members'),
  role('project', 'administrator', 'Everything in the project'),
  role('project', 'operator', 'Writes workloads, configuration, network, storage and federated objects'),
  role('project', 'viewer', 'Reads everything in the project, no secrets'),
];

const type = (name, version, kind) => ({ type: name, group: name.includes('.') ? name.slice(name.indexOf('.') + 1) : '', version, kind, namespaced: true, builtIn: true });
export const types = [
  type('deployments.apps', 'v1', 'Deployment'),
  type('statefulsets.apps', 'v1', 'StatefulSet'),
  type('daemonsets.apps', 'v1', 'DaemonSet'),
  type('jobs.batch', 'v1', 'Job'),
  type('cronjobs.batch', 'v1', 'CronJob'),
  type('services', 'v1', 'Service'),
  type('configmaps', 'v1', 'ConfigMap'),
  type('secrets', 'v1', 'Secret'),
];

export const user = (name, more = {}) => ({
  id: `u-${name}`,
  name,
  displayName: null,
  email: `${name}@example.com`,
  state: 'active',
  language: null,
  roles: [],
  createdAt: days(30),
  lastSignInAt: minutes(42),
  ...more,
});

export const template = (name, image = 'nginx:1.29-alpine', replicas = 2) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, labels: { app: name } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image }] } },
  },
});

const copy = (name, more = {}) => ({
  cluster: name,
  scheduled: true,
  why: 'named in placement.clusters',
  applied: true,
  phase: 'Ready',
  message: '',
  replicas: 3,
  readyReplicas: 3,
  drift: [],
  lastError: null,
  status: { observedGeneration: 4, replicas: 3, readyReplicas: 3 },
  observedAt: minutes(0),
  ...more,
});

function object(project, name, kind, typeName, status, more = {}) {
  return {
    id: `f-${name}`,
    type: typeName,
    apiVersion: 'apps/v1',
    kind,
    name,
    project,
    generation: 4,
    spec: {
      template: template(name, 'registry.example.com/shop/web:2.4.1', 3),
      placement: { clusters: ['eu-1', 'eu-2', 'us-1', 'edge-2'] },
      overrides: [{ clusters: ['us-1'], replicas: 5 }, { clusters: ['edge-2'], image: [{ container: 'main', image: 'registry.example.com/shop/web:2.4.1-arm' }] }],
      replicas: { mode: 'Duplicated', strategy: 'Weighted' },
      policy: { conflict: 'Adopt', deletion: 'Delete', drift: { mode: 'Revert' } },
    },
    status,
    createdBy: 'admin',
    updatedBy: 'mei.lin',
    createdAt: days(9),
    updatedAt: minutes(75),
    deletedAt: null,
    version: 7,
    ...more,
  };
}

export function loaded() {
  const web = object('shop', 'web', 'Deployment', 'deployments.apps', {
    phase: 'Degraded',
    message: '2 of 4 clusters ready: edge-2: 1 of 3 replicas are available',
    observedGeneration: 3,
    clustersPlaced: 4,
    clustersReady: 2,
    replicas: 14,
    readyReplicas: 7,
    aggregated: { replicas: 9, readyReplicas: 7 },
    clusters: [
      copy('eu-1'),
      copy('eu-2', {
        drift: [{ path: '/spec/replicas', expected: 3, actual: 7, manager: 'kubectl-scale', at: minutes(20) }],
      }),
      copy('us-1', { phase: 'Unknown', applied: true, replicas: 5, readyReplicas: 3, observedAt: minutes(4), message: `${NO_ANSWER} (last seen 2026-11-25 21:04:11 UTC)` }),
      copy('edge-2', {
        phase: 'Degraded',
        applied: true,
        readyReplicas: 1,
        message: '1 of 3 replicas are available',
        lastError: { reason: 'UpdateFailed', message: 'the cluster cannot serve now (HTTP 503): etcdserver: leader changed', at: minutes(11) },
      }),
      copy('lab', { scheduled: false, applied: false, why: 'not named in placement.clusters', phase: 'Ready', replicas: null, readyReplicas: null, status: null, observedAt: null }),
    ],
    updatedAt: minutes(0),
  });
  const settings = object('shop', 'settings', 'ConfigMap', 'configmaps', {
    phase: 'Ready',
    message: '',
    observedGeneration: 4,
    clustersPlaced: 2,
    clustersReady: 2,
    replicas: null,
    readyReplicas: null,
    aggregated: {},
    clusters: [copy('eu-1', { replicas: null, readyReplicas: null }), copy('eu-2', { replicas: null, readyReplicas: null })],
    updatedAt: minutes(0),
  });
  return {
    needsSetup: false,
    signedIn: true,
    clusters: [
      cluster('eu-1'),
      cluster('eu-2', 'Ready', { displayName: 'Frankfurt' }),
      cluster('us-1', 'Unreachable'),
      cluster('edge-2', 'NotReady', { insecure: true, connection: 'agent', fixedPort: 16443, facts: facts('v1.35.1', 3, 2, 'us-east-2') }),
      cluster('lab', 'Pending', { labels: {}, facts: { ...facts(null, 0), provider: null, regions: [], zones: [] }, latencyMs: null, lastSeenAt: null }),
    ],
    workspaces: [
      { id: 'w-acme', name: 'acme', displayName: 'Acme Retail', description: 'Shop and checkout', clusters: ['eu-1', 'eu-2', 'us-1', 'edge-2', 'lab'], projects: 2, members: 3, createdAt: days(10), version: 2 },
      { id: 'w-data', name: 'data', displayName: null, description: null, clusters: ['eu-1'], projects: 0, members: 1, createdAt: days(2), version: 1 },
    ],
    projects: [
      { id: 'p-shop', name: 'shop', workspace: 'acme', displayName: 'Shop', description: null, clusters: ['eu-1', 'eu-2', 'us-1', 'edge-2', 'lab'], federatedObjects: 2, deletedAt: null, createdAt: days(9), version: 1 },
      { id: 'p-checkout', name: 'checkout', workspace: 'acme', displayName: null, description: null, clusters: ['eu-1'], federatedObjects: 0, deletedAt: null, createdAt: days(3), version: 1 },
    ],
    members: [
      { user: 'admin', displayName: 'Ada Admin', roles: ['administrator'], since: days(10) },
      { user: 'mei.lin', displayName: '林美', roles: ['project-creator'], since: days(8) },
      { user: 'sam', displayName: null, roles: ['member'], since: days(1) },
    ],
    users: [
      user('admin', { displayName: 'Ada Admin', roles: ['administrator'] }),
      user('mei.lin', { displayName: '林美' }),
      user('sam', { state: 'disabled', lastSignInAt: null }),
      user('kim', { state: 'locked', roles: ['auditor'] }),
    ],
    tokens: [
      { id: 't1', name: 'ci', permissions: null, createdAt: days(20), expiresAt: days(-70), lastUsedAt: minutes(3) },
      { id: 't2', name: 'laptop', permissions: ['project.federated-objects.view'], createdAt: days(5), expiresAt: days(-2), lastUsedAt: null },
    ],
    objects: [web, settings],
    audit: Array.from({ length: 60 }, (_, index) => ({
      id: 60 - index,
      at: minutes(index * 7),
      actor: index % 3 === 0 ? 'mei.lin' : 'admin',
      verb: ['create', 'update', 'delete', 'sign-in'][index % 4],
      kind: ['federatedObject', 'cluster', 'project', 'session'][index % 4],
      name: ['web', 'eu-1', 'checkout', 'admin'][index % 4],
      workspace: index % 2 ? 'acme' : null,
      project: index % 2 ? 'shop' : null,
      cluster: null,
      result: index % 9 === 8 ? 'forbidden' : 'ok',
      address: '10.0.0.17',
      requestId: `req-${index}`,
    })),
    attention: [
      { kind: 'cluster', path: 'clusters/us-1', phase: 'Unreachable', name: 'us-1', message: NO_ANSWER },
      { kind: 'federated-object', path: 'projects/shop/federated-objects/deployments.apps/web', phase: 'Degraded', name: 'deployments.apps/web', message: '2 of 4 clusters ready: edge-2: 1 of 3 replicas are available' },
    ],
  };
}

export function empty() {
  return {
    needsSetup: false,
    signedIn: true,
    clusters: [],
    workspaces: [],
    projects: [],
    members: [],
    users: [user('admin', { roles: ['administrator'] })],
    tokens: [],
    objects: [],
    audit: [],
    attention: [],
  };
}

/** Names as long as they may be, everywhere. */
export function long() {
  const state = loaded();
  const name = (prefix) => `${prefix}-with-a-name-as-long-as-names-may-be-in-kubernetes-and-not-more`.slice(0, 63);
  const wide = state.clusters.map((one) => ({ ...one, name: name(one.name), displayName: one.displayName && `${one.displayName} ${'and everything around it, '.repeat(6)}` }));
  const renamed = new Map(state.clusters.map((one, index) => [one.name, wide[index].name]));
  const rename = (names) => names.map((one) => renamed.get(one) ?? one);
  return {
    ...state,
    clusters: wide,
    workspaces: state.workspaces.map((one) => ({ ...one, name: name(one.name), clusters: rename(one.clusters), displayName: one.displayName && name(one.displayName) })),
    projects: state.projects.map((one) => ({ ...one, name: name(one.name), workspace: name(one.workspace), clusters: rename(one.clusters), displayName: null })),
    users: state.users.map((one) => ({ ...one, displayName: name(one.name) })),
    members: state.members.map((one) => ({ ...one, user: name(one.user) })),
    objects: state.objects.map((one) => ({
      ...one,
      name: name(one.name),
      project: name(one.project),
      spec: { ...one.spec, placement: { clusters: rename(one.spec.placement.clusters) } },
      status: { ...one.status, clusters: one.status.clusters.map((copy) => ({ ...copy, cluster: renamed.get(copy.cluster) ?? copy.cluster })) },
    })),
    attention: state.attention.map((one) => ({ ...one, name: name(one.name) })),
  };
}
