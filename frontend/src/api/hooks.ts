// Reading through one cache, kept fresh by the live connection. A page names its query and its topic; whether
// news comes as data or as "changed" is settled here.
import { hashKey, QueryClient, useInfiniteQuery, useQuery, useQueryClient, type QueryKey } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useRef, useSyncExternalStore } from 'react';
import { ApiFailure } from './client';
import { coalesce } from './coalesce';
import type { LiveConnection, LiveState } from './live';
import type { List, ListParams } from './types';

/** Rows per page of a list; further pages follow on scrolling. */
export const PAGE = 100;

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        // A refusal stays a refusal; only faults of the way there are tried again.
        retry: (count, error) => count < 2 && (!(error instanceof ApiFailure) || error.status === 0 || error.status >= 502),
        refetchOnWindowFocus: false,
      },
      mutations: { retry: false },
    },
  });
}

export const LiveContext = createContext<LiveConnection | undefined>(undefined);

export function useLiveState(): LiveState {
  const live = useContext(LiveContext);
  if (!live) throw new Error('no live connection in this tree');
  return useSyncExternalStore(live.watchState, () => live.state);
}

export function useLive(): LiveConnection {
  const live = useContext(LiveContext);
  if (!live) throw new Error('no live connection in this tree');
  return live;
}

type Follow = { topic: string | undefined; key: QueryKey; revision?: number | undefined };

/** Keeps a query fresh: data that comes with the news goes straight into the cache, else it is fetched again. */
export function useFollow({ topic, key, revision }: Follow): void {
  const live = useContext(LiveContext);
  const cache = useQueryClient();
  const latest = useRef({ key, revision });
  useEffect(() => {
    latest.current = { key, revision };
  });
  useEffect(() => {
    if (!live || !topic) return;
    const fetchAgain = coalesce(() => cache.invalidateQueries({ queryKey: latest.current.key, exact: true }));
    return live.subscribe(topic, latest.current.revision, (event) => {
      const { key: now } = latest.current;
      if (event.data !== undefined) cache.setQueryData(now, event.data);
      // Data on its way while the subscription begins is fresh enough; data from before may have missed something.
      else if (!event.joined || cache.getQueryState(now)?.data !== undefined) fetchAgain();
    });
  }, [live, topic, cache]);
}

type ReadOptions<T> = {
  key: QueryKey;
  read: (options: { signal: AbortSignal }) => Promise<T>;
  topic?: string | undefined;
  enabled?: boolean;
};

/** One resource, live when it has a topic. */
export function useResource<T>({ key, read, topic, enabled = true }: ReadOptions<T>) {
  const query = useQuery({ queryKey: key, queryFn: ({ signal }) => read({ signal }), enabled });
  useFollow({ topic: enabled ? topic : undefined, key });
  return query;
}

type ListOptions<T> = {
  key: QueryKey;
  params: ListParams & Record<string, string | number | boolean | undefined>;
  read: (params: ListParams, options: { signal: AbortSignal }) => Promise<List<T>>;
  topic?: string | undefined;
  enabled?: boolean;
};

/** A list, page after page, in the server's order. */
export function useList<T>({ key, params, read, topic, enabled = true }: ListOptions<T>) {
  const whole = [...key, params];
  const query = useInfiniteQuery({
    queryKey: whole,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      read({ limit: PAGE, ...params, ...(pageParam === undefined ? {} : { continue: pageParam }) }, { signal }),
    getNextPageParam: (last) => last.continue,
    // While filter or order change, the rows of before stay; those of another place never do.
    placeholderData: (before, query) => (query && hashKey(query.queryKey.slice(0, -1)) === hashKey(key) ? before : undefined),
    enabled,
  });
  useFollow({ topic: enabled ? topic : undefined, key: whole, revision: query.data?.pages[0]?.revision });
  return query;
}

export type ListQuery<T> = ReturnType<typeof useList<T>>;
