// The API over the canned data: enough of it behaves that the whole first path can be walked without a server.
import * as data from './data.mjs';

class Refusal extends Error {
  constructor(status, code, message, fields) {
    super(message);
    Object.assign(this, { status, code, fields });
  }
}
const missing = (what, name) => new Refusal(404, 'not_found', `${what} "${name}" does not exist`);
const denied = (permission, what) => new Refusal(403, 'forbidden', `this needs the permission ${permission} (${what}): ask an administrator for a role that has it`);
const list = (items) => ({ items, total: items.length, revision: 1 });
const now = () => new Date().toISOString();
const steps = ['parse', 'resolve', 'connect', 'tls', 'authentication', 'version', 'permissions', 'identity', 'clock'];

const passed = {
  parse: 'Context "admin@eu-3" leads to https://eu-3.example.com:6443 with a client certificate.',
  resolve: 'eu-3.example.com resolves: 10.2.0.3.',
  connect: '10.2.0.3:6443 accepts connections.',
  tls: 'The certificate is trusted: for eu-3.example.com, issued by kubernetes, valid until 2027-06-01.',
  authentication: 'Signed in as kubernetes-admin; the client certificate is valid until 2027-06-01.',
  version: 'Kubernetes v1.36.3.',
  permissions: 'The credential may do everything that federation needs.',
  identity: 'The cluster is 5f0c2f9e-7f1d-4f0a-9b55-3a3f1f2f9d10.',
  clock: 'The clocks agree.',
};
const faults = {
  parse: { message: 'The text is not well-formed YAML or JSON at line 3, column 9.', fix: 'Paste the whole file as `kubectl config view --flatten --minify --raw` prints it.' },
  resolve: { message: 'The name "eu-3.example.com" does not resolve.', fix: "Check the name in the server's URL, or use the address; the name must resolve where Hanse runs." },
  connect: { message: '10.2.0.3:6443 does not answer within 10 s.', fix: 'Check the address, and routes and firewalls between Hanse and the cluster.' },
  tls: { message: "The certificate of eu-3.example.com:6443 is not signed by the kubeconfig's certificate authority.", fix: "Put the authority that signed the server's certificate in certificate-authority-data; take a fresh kubeconfig if the cluster was installed anew. Something in between may also be intercepting TLS." },
  authentication: { message: 'The cluster does not accept the token (HTTP 401).', fix: "Give Hanse a fresh credential: a service account's token (`kubectl create token <account> -n <namespace> --duration=8760h`) or a client certificate that is in date." },
  version: { message: 'Kubernetes v1.24.2 is too old: 1.28 is the oldest that is supported.', fix: 'Upgrade the cluster to 1.28 or newer.' },
  permissions: { message: 'The credential may not do what federation needs: create deployments.apps, delete deployments.apps.', fix: "Bind the credential's user to a ClusterRole with these verbs, or to cluster-admin (`kubectl create clusterrolebinding hanse --clusterrole=cluster-admin --user=<user>`)." },
  identity: { message: 'Another Hanse (instance 0190-77) manages this cluster since 2026-10-02.', fix: 'Detach it there first, or import with force to take it over.' },
  clock: { message: "The cluster's clock is 400 s ahead of ours. Certificates and tokens would be refused at random.", fix: 'Synchronise the clocks of this machine and of the cluster with NTP.' },
};

/** The ladder: stops at the step that the text names, such as `fail: tls`. */
export function ladder(kubeconfig) {
  const stop = /fail: (\w+)/.exec(kubeconfig)?.[1];
  const at = stop ? steps.indexOf(stop) : steps.length;
  const results = steps.map((step, index) => {
    if (index > at) return { step, state: 'skipped', message: '', durationMs: 0 };
    if (index === at) return { step, state: 'failed', ...faults[step], durationMs: 21.4 };
    return { step, state: 'passed', message: passed[step], durationMs: 3.2 + index };
  });
  const context = /current-context: (\S+)/.exec(kubeconfig)?.[1] ?? null;
  const contexts = [...kubeconfig.matchAll(/^- context:[\s\S]*?name: (\S+)/gm)].map((match) => match[1]);
  return { passed: at === steps.length, steps: results, contexts: contexts.length > 0 ? contexts : [context ?? 'default'], context, facts: null };
}

function plan(project, spec) {
  const chosen = spec.placement?.clusters;
  const clusters = project.clusters.map((name) => {
    const selected = chosen ? chosen.includes(name) : spec.placement?.clusterSelector !== undefined;
    const replicas = spec.template.spec?.replicas;
    const total = spec.replicas?.mode === 'Divided' ? Math.floor((spec.replicas.total ?? 0) / Math.max(1, (chosen ?? project.clusters).length)) : replicas;
    const override = (spec.overrides ?? []).filter((one) => one.clusters?.includes(name)).at(-1);
    const manifest = structuredClone(spec.template);
    if (manifest.spec && total !== undefined) manifest.spec.replicas = override?.replicas ?? total;
    return {
      cluster: name,
      selected,
      why: selected ? 'named in placement.clusters' : 'not named in placement.clusters',
      replicas: selected && replicas !== undefined ? (override?.replicas ?? total) : null,
      overflow: null,
      action: selected ? (name === 'eu-2' ? 'Update' : 'Create') : 'Skip',
      status: '',
      message: '',
      manifest: selected ? manifest : null,
      differences: selected && name === 'eu-2' ? [{ path: '/spec/replicas', from: 7, to: total }] : [],
    };
  });
  const fields = (spec.template.metadata?.name ?? '') === '' ? [{ field: 'spec.template.metadata.name', message: 'is missing: the copies need a name' }] : [];
  return { clusters, dependencies: spec.template.kind === 'Deployment' ? [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'settings' }] : [], fields };
}

function newObject(project, spec, tell) {
  const placed = project.clusters.filter((name) => spec.placement?.clusters?.includes(name) ?? true);
  const each = spec.template.spec?.replicas ?? null;
  const object = {
    id: `f-${spec.template.metadata.name}`, type: 'deployments.apps', apiVersion: spec.template.apiVersion, kind: spec.template.kind, name: spec.template.metadata.name,
    project: project.name, generation: 1, spec, createdBy: 'admin', updatedBy: 'admin', createdAt: now(), updatedAt: now(), deletedAt: null, version: 1, status: null,
  };
  let ready = 0;
  const status = () => ({
    phase: ready >= placed.length * 2 ? 'Ready' : 'Progressing', message: ready >= placed.length * 2 ? '' : 'accepted; it is on its way to its clusters', observedGeneration: 1,
    clustersPlaced: placed.length, clustersReady: placed.filter((_, index) => ready >= (index + 1) * 2).length,
    replicas: each === null ? null : each * placed.length, readyReplicas: each === null ? null : Math.min(ready, each * placed.length), aggregated: {}, updatedAt: now(),
    clusters: placed.map((name, index) => {
      const here = Math.max(0, Math.min(2, ready - index * 2));
      return { cluster: name, scheduled: true, why: 'named in placement.clusters', applied: true, phase: here === 2 ? 'Ready' : 'Progressing', message: '', replicas: each, readyReplicas: each === null ? null : here, drift: [], lastError: null, status: null, observedAt: now() };
    }),
  });
  object.status = status();
  const timer = setInterval(() => {
    ready += 1;
    object.status = status();
    tell(`projects/${project.name}/federated-objects/${object.type}/${object.name}`, object);
    if (ready >= placed.length * 2) clearInterval(timer);
  }, 300);
  timer.unref();
  return object;
}

/** Conditions of an agent's way in, as far as the cluster's name says: waiting, refused, tunnel, joined. */
function joining(name, at) {
  const one = (type, status, reason, message) => ({ type, status, reason, message, lastTransitionTime: at });
  const spent = one('JoinTokenIssued', 'True', 'Spent', 'The join token was spent 2026-11-25 21:04:11 UTC.');
  const issued = one('JoinTokenIssued', 'True', 'Issued', 'A join token is good until 22:04 UTC.');
  const identity = one('AgentIdentified', 'Unknown', 'Waiting', 'Known when the agent has joined.');
  const silent = one('TunnelConnected', 'False', 'Waiting', 'The agent has not dialled hanse.example.com:8443 yet.');
  const seen = one('AgentSeen', 'True', 'Joined', 'The agent has exchanged its token.');
  const known = one('AgentIdentified', 'True', 'Confirmed', 'The cluster is 5f0c2f9e-7f1d-4f0a-9b55-3a3f1f2f9d10.');
  if (name.startsWith('refused')) return [issued, one('AgentSeen', 'True', 'Refused', 'An agent tried to join and was refused: this cluster is already here, as "eu-1": detach it there first.'), identity, silent];
  if (name.startsWith('tunnel')) return [spent, seen, known, silent];
  if (name.startsWith('joined')) {
    const tunnel = one('TunnelConnected', 'True', 'Connected', '1 tunnel(s), directly.');
    return [spent, seen, known, tunnel, one('Reachable', 'True', 'Answers', 'The API server answers.'), one('Ready', 'True', 'Ready', 'The API server is ready.')];
  }
  return [issued, one('AgentSeen', 'False', 'Waiting', 'No agent has asked yet. It dials https://hanse.example.com: check name resolution, proxies and firewalls there.'), identity, silent];
}

const join = (name, at) => ({
  token: 'hjt_6b1f',
  expiresAt: new Date(Date.parse(at) + (name.startsWith('expired') ? -1000 : 3_600_000)).toISOString(),
  url: 'https://hanse.example.com',
  caSha256: '9d0c',
  tunnelAddress: 'hanse.example.com:8443',
  command: 'hanse-agent join --url https://hanse.example.com --ca-sha256 9d0cbe3f --token hjt_6b1f --kubeconfig ~/.kube/config --state /var/lib/hanse-agent',
  manifest: `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: hanse-agent\n---\n# cluster ${name}\n`,
});

/** Answers one request; `state` is changed by it. */
export function answer(state, { method, path, query, body }, tell) {
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  const route = `${method} ${parts[0] ?? ''}`;
  const find = (items, name, what) => items.find((one) => one.name === name) ?? (() => { throw missing(what, name); })();
  if (route === 'GET setup') return { needed: state.needsSetup, version: '0.1.0' };
  if (route === 'POST setup') {
    if (parts[1] === 'url-test') return { reachable: true, message: `${body.url}/healthz answers` };
    Object.assign(state, { needsSetup: false, signedIn: true });
    return data.user(body.name, { roles: ['administrator'] });
  }
  if (route === 'POST sessions') {
    if (body.password === 'wrong') throw new Refusal(401, 'unauthenticated', 'user name or password is wrong');
    state.signedIn = true;
    return state.users[0];
  }
  if (!state.signedIn) throw new Refusal(401, 'unauthenticated', 'sign in first, or send a valid token');
  if (route === 'DELETE sessions') return void (state.signedIn = false);
  if (state.broken && !['me', 'live'].includes(parts[0])) throw new Refusal(500, 'internal', 'something went wrong on our side; the log has it under this request id');
  if (parts[0] === 'me') {
    if (parts[1] === 'access') {
      return {
        platform: state.limited ? [] : data.permissions.platform,
        clusters: [],
        workspaces: state.workspaces.map((one) => ({
          name: one.name, displayName: one.displayName, permissions: state.limited ? ['workspace.settings.view', 'workspace.members.view', 'workspace.projects.view'] : data.permissions.workspace,
          projects: state.projects.filter((project) => project.workspace === one.name).map(({ name, displayName }) => ({ name, displayName, permissions: state.limited ? ['project.settings.view', 'project.members.view', 'project.federated-objects.view'] : data.permissions.project })),
        })),
      };
    }
    if (parts[1] === 'tokens') {
      if (state.broken) throw new Refusal(503, 'unavailable', 'the database is not available, nothing was changed: try again in a moment');
      if (method === 'GET') return list(state.tokens);
      const token = { id: body.name, name: body.name, permissions: null, createdAt: now(), expiresAt: now(), lastUsedAt: null };
      state.tokens.push(token);
      return { token, secret: 'hanse_4f1c0a8b2d3e5f60718293a4b5c6d7e8' };
    }
    return state.users[0];
  }
  if (route === 'GET overview') {
    const count = (items, phase) => items.reduce((sums, one) => ({ ...sums, [phase(one)]: (sums[phase(one)] ?? 0) + 1 }), {});
    return {
      clusters: count(state.clusters, (one) => one.phase), federatedObjects: count(state.objects, (one) => one.status.phase),
      workspaces: state.workspaces.length, projects: state.projects.length, attention: state.attention, revision: 1,
      checklist: state.limited ? [] : [
        { step: 'setup', done: true }, { step: 'cluster', done: state.clusters.length > 0 }, { step: 'second-cluster', done: state.clusters.length > 1 },
        { step: 'workspace', done: state.projects.length > 0 }, { step: 'application', done: state.objects.length > 0 },
      ],
    };
  }
  if (state.limited) {
    if (route === 'GET audit') throw denied('platform.audit.view', 'Read the audit trail of the platform');
    if (route === 'GET users') throw denied('platform.users.view', 'See all accounts');
  }
  if (route === 'GET roles') return data.roles.filter((one) => !query.scope || one.scope === query.scope);
  if (route === 'GET types') return data.types;
  if (route === 'GET audit') return list(state.audit);
  if (route === 'GET users') return list(state.users.filter((one) => one.name.includes(query.search ?? '')));
  if (parts[0] === 'clusters') {
    if (parts[2] === 'join-tokens') return join(parts[1], now());
    if (parts[1]) return find(state.clusters, parts[1], 'cluster');
    if (method === 'GET') return list(state.clusters.filter((one) => one.name.includes(query.search ?? '')));
    if (state.clusters.some((one) => one.name === body.name)) throw new Refusal(409, 'already_exists', `cluster "${body.name}" exists already: choose another name`);
    state.clusters.push(data.cluster(body.name, 'Ready', { labels: body.labels }));
    return state.clusters.at(-1);
  }
  if (route === 'POST agent-clusters') {
    const made = data.cluster(body.name, body.name.startsWith('joined') ? 'Ready' : 'Pending', { connection: 'agent', endpoint: '', labels: body.labels, conditions: joining(body.name, now()) });
    state.clusters.push(made);
    return { cluster: made, join: join(body.name, now()) };
  }
  if (parts[0] === 'workspaces') {
    if (!parts[1]) {
      if (method === 'GET') return list(state.workspaces);
      const made = { id: body.name, name: body.name, displayName: body.displayName ?? null, description: null, clusters: body.clusters, projects: body.project ? 1 : 0, members: 1, createdAt: now(), version: 1 };
      state.workspaces.push(made);
      if (body.project) state.projects.push({ id: body.project.name, name: body.project.name, workspace: body.name, displayName: null, description: null, clusters: body.clusters, federatedObjects: 0, deletedAt: null, createdAt: now(), version: 1 });
      return made;
    }
    const workspace = find(state.workspaces, parts[1], 'workspace');
    if (parts[2] === 'members') return list(state.members);
    if (parts[2] === 'projects') return list(state.projects.filter((one) => one.workspace === workspace.name));
    return workspace;
  }
  if (parts[0] === 'projects') {
    const project = find(state.projects, parts[1], 'project');
    if (parts[2] === 'members') return list(state.members);
    if (parts[2] === 'plan') return plan(project, body.spec);
    if (parts[2] === 'federated-objects') {
      if (!parts[3]) {
        if (method === 'GET') return list(state.objects.filter((one) => one.project === project.name));
        const made = newObject(project, body.spec, tell);
        state.objects.push(made);
        return made;
      }
      const object = find(state.objects, parts[4], 'federated object');
      if (parts[5] !== 'revisions') return object;
      const before = structuredClone(object.spec);
      before.template.spec = { ...before.template.spec, replicas: 2 };
      return list([
        { generation: 2, spec: object.spec, author: 'mei.lin', at: object.updatedAt },
        { generation: 1, spec: before, author: 'admin', at: object.createdAt },
      ]);
    }
    return project;
  }
  throw new Refusal(404, 'not_found', 'there is no such path; see /api/v1/openapi.json for what there is');
}
