import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';

/** Filter and order of a list, kept in the address so that a link shows the same rows. */
export function useListSearch() {
  const { search, sort }: { search?: string; sort?: string } = useSearch({ strict: false });
  const navigate = useNavigate();
  const set = useCallback(
    (field: 'search' | 'sort', value: string | undefined) =>
      void navigate({
        to: '.',
        replace: true,
        search: (before: { search?: string; sort?: string }) => {
          const { [field]: _gone, ...rest } = before;
          return value === undefined ? rest : { ...rest, [field]: value };
        },
      }),
    [navigate],
  );
  return {
    search,
    sort,
    setSearch: useCallback((value: string | undefined) => set('search', value), [set]),
    setSort: useCallback((value: string) => set('sort', value), [set]),
  };
}
