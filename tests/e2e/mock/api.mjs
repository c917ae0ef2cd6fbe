// The API over the canned data: enough of it behaves that the whole first path can be walked without a server.
import * as data from './data.mjs';

class Refusal extends Error {
  constructor(status, code, message, fields) {
    super(message);
    Object.assign(this, { status, code, fields });
  }
}
const missing = (what) => new Refusal(404, 'not_found', `there is no ${what}, or you may not see it`);
const list = (items) => ({ items, total: items.length, revision: 1 });
const now = () => new Date().toISOString();
const steps = ['parse', 'resolve', 'connect', 'tls', 'authentication', 'version', 'permissions', 'identity', 'clock'];

/** The ladder: stops at the step that the text names, such as `fail: tls`. */
export function ladder(kubeconfig) {
  const stop = /fail: (\w+)/.exec(kubeconfig)?.[1];
  const at = stop ? steps.indexOf(stop) : steps.length;
  const results = steps.map((step, index) => {
    if (index > at) return { step, state: 'skipped', message: '', durationMs: 0 };
    if (index === at) return { step, state: 'failed', message: 'The certificate is signed by an authority that the kubeconfig does not name.', fix: 'Put the authority into certificate-authority-data, or ask whoever made the kubeconfig for it.', durationMs: 21.4 };
    return { step, state: 'passed', message: step === 'version' ? 'Kubernetes v1.36.3' : '', durationMs: 3.2 + index };
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
  const fields = (spec.template.metadata?.name ?? '') === '' ? [{ field: 'spec.template.metadata.name', message: 'is empty: give 1 to 253 characters' }] : [];
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
    phase: ready >= placed.length * 2 ? 'Ready' : 'Progressing', message: ready >= placed.length * 2 ? '' : 'on its way', observedGeneration: 1,
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

/** Answers one request; `state` is changed by it. */
export function answer(state, { method, path, query, body }, tell) {
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  const route = `${method} ${parts[0] ?? ''}`;
  const find = (items, name, what) => items.find((one) => one.name === name) ?? (() => { throw missing(what); })();
  if (route === 'GET setup') return { needed: state.needsSetup, version: '0.1.0' };
  if (route === 'POST setup') {
    if (parts[1] === 'url-test') return { reachable: true, message: `The server reached itself at ${body.url}.` };
    Object.assign(state, { needsSetup: false, signedIn: true });
    return data.user(body.name, { roles: ['administrator'] });
  }
  if (route === 'POST sessions') {
    if (body.password === 'wrong') throw new Refusal(401, 'unauthenticated', 'user name or password is wrong');
    state.signedIn = true;
    return state.users[0];
  }
  if (!state.signedIn) throw new Refusal(401, 'unauthenticated', 'sign in first');
  if (route === 'DELETE sessions') return void (state.signedIn = false);
  if (state.broken && !['me', 'live'].includes(parts[0])) throw new Refusal(500, 'internal', 'the server made a mistake; its log has the rest under the request id');
  if (parts[0] === 'me') {
    if (parts[1] === 'access') {
      return {
        platform: data.permissions.platform,
        clusters: [],
        workspaces: state.workspaces.map((one) => ({
          name: one.name, displayName: one.displayName, permissions: data.permissions.workspace,
          projects: state.projects.filter((project) => project.workspace === one.name).map(({ name, displayName }) => ({ name, displayName, permissions: data.permissions.project })),
        })),
      };
    }
    if (parts[1] === 'tokens') {
      if (state.broken) throw new Refusal(503, 'unavailable', 'the database does not answer');
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
      checklist: [
        { step: 'setup', done: true }, { step: 'cluster', done: state.clusters.length > 0 }, { step: 'second-cluster', done: state.clusters.length > 1 },
        { step: 'workspace', done: state.projects.length > 0 }, { step: 'application', done: state.objects.length > 0 },
      ],
    };
  }
  if (route === 'GET roles') return data.roles.filter((one) => !query.scope || one.scope === query.scope);
  if (route === 'GET types') return data.types;
  if (route === 'GET audit') return list(state.audit);
  if (route === 'GET users') return list(state.users.filter((one) => one.name.includes(query.search ?? '')));
  if (parts[0] === 'clusters') {
    if (parts[1]) return find(state.clusters, parts[1], 'such cluster');
    if (method === 'GET') return list(state.clusters.filter((one) => one.name.includes(query.search ?? '')));
    if (state.clusters.some((one) => one.name === body.name)) throw new Refusal(409, 'already_exists', `cluster ${body.name} exists already: choose another name`);
    state.clusters.push(data.cluster(body.name, 'Ready', { labels: body.labels }));
    return state.clusters.at(-1);
  }
  if (parts[0] === 'workspaces') {
    if (!parts[1]) {
      if (method === 'GET') return list(state.workspaces);
      const made = { id: body.name, name: body.name, displayName: body.displayName ?? null, description: null, clusters: body.clusters, projects: body.project ? 1 : 0, members: 1, createdAt: now(), version: 1 };
      state.workspaces.push(made);
      if (body.project) state.projects.push({ id: body.project.name, name: body.project.name, workspace: body.name, displayName: null, description: null, clusters: body.clusters, federatedObjects: 0, deletedAt: null, createdAt: now(), version: 1 });
      return made;
    }
    const workspace = find(state.workspaces, parts[1], 'such workspace');
    if (parts[2] === 'members') return list(state.members);
    if (parts[2] === 'projects') return list(state.projects.filter((one) => one.workspace === workspace.name));
    return workspace;
  }
  if (parts[0] === 'projects') {
    const project = find(state.projects, parts[1], 'such project');
    if (parts[2] === 'members') return list(state.members);
    if (parts[2] === 'plan') return plan(project, body.spec);
    if (parts[2] === 'federated-objects') {
      if (!parts[3]) {
        if (method === 'GET') return list(state.objects.filter((one) => one.project === project.name));
        const made = newObject(project, body.spec, tell);
        state.objects.push(made);
        return made;
      }
      const object = find(state.objects, parts[4], 'such object');
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
  throw missing('such path');
}
