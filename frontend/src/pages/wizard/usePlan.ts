import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { projects } from '../../api/endpoints';
import type { FederatedSpec } from '../../api/types';

/** Typing rests this long before the server is asked. */
const REST_MS = 350;

/** What applying the draft would do, asked of the server while it is written. */
export function usePlan(project: string, spec: FederatedSpec, usable: boolean) {
  const text = JSON.stringify(spec);
  const [settled] = useDebouncedValue(text, REST_MS);
  const query = useQuery({
    queryKey: ['plan', project, settled],
    queryFn: ({ signal }) => projects.plan(project, { spec: JSON.parse(settled) as FederatedSpec }, { signal }),
    placeholderData: keepPreviousData,
    enabled: usable,
    retry: false,
    gcTime: 30_000,
  });
  const current = settled === text && !query.isFetching;
  return { ...query, current };
}
