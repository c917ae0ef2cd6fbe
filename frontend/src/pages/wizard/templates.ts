// Where a template starts from. Every one is complete enough to be applied as it is.
import type { FederatedType, JsonObject } from '../../api/types';

const pods = (name: string, image: string, more: JsonObject = {}): JsonObject => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name: 'main', image, ...more }] },
});
const workload = (apiVersion: string, kind: string, name: string, spec: JsonObject): JsonObject => ({ apiVersion, kind, metadata: { name, labels: { app: name } }, spec });

export const sample = workload('apps/v1', 'Deployment', 'hello', {
  replicas: 2,
  selector: { matchLabels: { app: 'hello' } },
  template: pods('hello', 'nginx:1.29-alpine', {
    ports: [{ containerPort: 80 }],
    resources: { requests: { cpu: '50m', memory: '32Mi' } },
  }),
});

const selector = (name: string): JsonObject => ({ matchLabels: { app: name } });
const starters: Record<string, JsonObject> = {
  'deployments.apps': sample,
  'statefulsets.apps': workload('apps/v1', 'StatefulSet', 'store', {
    replicas: 1,
    serviceName: 'store',
    selector: selector('store'),
    template: pods('store', 'redis:8-alpine', { ports: [{ containerPort: 6379 }] }),
  }),
  'daemonsets.apps': workload('apps/v1', 'DaemonSet', 'agent', { selector: selector('agent'), template: pods('agent', 'busybox:1.37', { command: ['sleep', 'infinity'] }) }),
  'jobs.batch': workload('batch/v1', 'Job', 'task', {
    template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'busybox:1.37', command: ['true'] }] } },
  }),
  'cronjobs.batch': workload('batch/v1', 'CronJob', 'nightly', {
    schedule: '0 3 * * *',
    jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'busybox:1.37', command: ['true'] }] } } } },
  }),
  services: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'hello' }, spec: { selector: { app: 'hello' }, ports: [{ port: 80, targetPort: 80 }] } },
  configmaps: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { level: 'info' } },
  secrets: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'credentials' }, type: 'Opaque', stringData: { token: '' } },
};

/** The template to start a type with; kinds we know nothing more of start with their name only. */
export function starter(type: FederatedType): JsonObject {
  const known = starters[type.type];
  if (known) return known;
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
  return { apiVersion, kind: type.kind, metadata: { name: type.kind.toLowerCase() } };
}
