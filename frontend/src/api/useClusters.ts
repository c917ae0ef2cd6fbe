import { clusters } from './endpoints';
import { useResource } from './hooks';
import type { Cluster } from './types';

const none: Cluster[] = [];

/** Clusters that the caller may know, for choosing among; empty when they may know none. */
export function useClusters(): { known: Cluster[]; loading: boolean } {
  const query = useResource({
    key: ['clusters', 'choice'],
    topic: 'clusters',
    read: (options) => clusters.list({ limit: 500, sort: 'name' }, options),
  });
  return { known: query.data?.items ?? none, loading: query.isPending };
}
