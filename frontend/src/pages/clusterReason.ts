import type { Cluster } from '../api/types';

/** Why a cluster is not well, or what should be mended soon; empty when all is well. */
export function clusterReason(cluster: Cluster): string {
  const order = cluster.phase === 'Ready' ? [] : ['Ready'];
  const bad = cluster.conditions.filter((one) => one.status !== 'True' && one.message !== '');
  const first = bad.find((one) => order.includes(one.type)) ?? bad[0];
  return first?.message ?? '';
}
