// The one table: server's order, further pages on scrolling, at most some dozens of rows in the document however
// many there are. While the pointer is over it, rows keep their places even when news arrive.
import { createColumnHelper, tableFeatures, useTable, type ColumnDef } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { ListQuery } from '../api/hooks';
import { Failure } from './Gate';
import { useListKeys } from './useListKeys';
import { holdOrder } from './holdOrder';

const features = tableFeatures({});
const ROW = 32;
const OVERSCAN = 8;
/** Short tables are simply all there. */
const WHOLE = 40;

export type Column<T> = {
  id: string;
  title: string;
  cell: (row: T) => ReactNode;
  /** Field to sort by on the server. */
  sort?: string;
  align?: 'right';
  fill?: boolean;
};

type Props<T> = {
  label: string;
  query: ListQuery<T>;
  columns: Column<T>[];
  rowId: (row: T) => string;
  empty: ReactNode;
  sort?: string | undefined;
  onSort?: (sort: string) => void;
  onOpen?: (row: T) => void;
};

export function DataTable<T>({ label, query, columns, rowId, empty, sort, onSort, onOpen }: Props<T>) {
  const { t } = useTranslation();
  const scroll = useRef<HTMLDivElement>(null);
  const [hovered, setHovered] = useState(false);
  const order = useRef<string[]>([]);
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = query;

  const rows = useMemo(() => {
    const fresh = data?.pages.flatMap((page) => page.items) ?? [];
    const shown = hovered ? holdOrder(fresh, order.current, rowId) : fresh;
    order.current = shown.map(rowId);
    return shown;
  }, [data, hovered, rowId]);

  const definitions = useMemo(() => {
    const helper = createColumnHelper<typeof features, object>();
    return columns.map((column) =>
      helper.display({ id: column.id, header: column.title, cell: ({ row }) => column.cell(row.original as T) }),
    ) as ColumnDef<typeof features, object>[];
  }, [columns]);
  const table = useTable({ features, columns: definitions, data: rows as object[], getRowId: (row) => rowId(row as T) });
  const model = table.getRowModel().rows;

  const virtual = model.length > WHOLE;
  const virtualizer = useVirtualizer({
    count: model.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW,
    overscan: OVERSCAN,
    enabled: virtual,
  });
  const items = virtualizer.getVirtualItems();
  const window = virtual && items.length > 0 ? { from: items[0]?.index ?? 0, to: (items[items.length - 1]?.index ?? 0) + 1 } : { from: 0, to: virtual ? WHOLE : model.length };
  const above = window.from * ROW;
  const below = (model.length - window.to) * ROW;

  const nearEnd = window.to >= model.length - 20;
  useEffect(() => {
    if (nearEnd && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [nearEnd, hasNextPage, isFetchingNextPage, fetchNextPage]);

  const open = useCallback((index: number) => {
    const row = model[index];
    if (row) onOpen?.(row.original as T);
  }, [model, onOpen]);
  const active = useListKeys(model.length, onOpen ? open : undefined, (index) => {
    if (virtual) virtualizer.scrollToIndex(index);
  });

  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  const byId = new Map(columns.map((column) => [column.id, column]));
  const direction = (field: string) => (sort === field ? 'ascending' : sort === `-${field}` ? 'descending' : undefined);

  return (
    <>
      {error && <Failure error={error} retry={() => void refetch()} />}
      <div className="table-scroll" ref={scroll} tabIndex={0} role="region" aria-label={label}>
        <table className="grid" aria-rowcount={(data?.pages[0]?.total ?? 0) + 1} aria-busy={isPending}>
          <thead>
            <tr>
              {columns.map(({ id, title, sort: field, align }) => (
                <th key={id} scope="col" className={align} aria-sort={field ? (direction(field) ?? 'none') : undefined}>
                  {field && onSort ? (
                    <button type="button" className="sort-button" onClick={() => onSort(sort === field ? `-${field}` : field)}>
                      {title}
                      <span aria-hidden="true">{direction(field) === 'ascending' ? '↑' : direction(field) === 'descending' ? '↓' : ''}</span>
                    </button>
                  ) : (
                    title
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody onPointerEnter={() => setHovered(true)} onPointerLeave={() => setHovered(false)}>
            {isPending && <Waiting columns={columns.length} words={t('door.loading')} />}
            {!isPending && model.length === 0 && (
              <tr>
                <td colSpan={columns.length} className="wrap">
                  {empty}
                </td>
              </tr>
            )}
            {above > 0 && <Spacer height={above} columns={columns.length} />}
            {model.slice(window.from, window.to).map((row, offset) => (
              <tr key={row.id} aria-rowindex={window.from + offset + 2} className={active === window.from + offset ? 'active' : undefined}>
                {row.getAllCells().map((cell, position) => {
                  const column = byId.get(cell.column.id);
                  const className = [column?.align, column?.fill ? 'fill' : undefined].filter(Boolean).join(' ') || undefined;
                  return position === 0 ? (
                    <th key={cell.id} scope="row" className={className}>
                      <table.FlexRender cell={cell} />
                    </th>
                  ) : (
                    <td key={cell.id} className={className}>
                      <table.FlexRender cell={cell} />
                    </td>
                  );
                })}
              </tr>
            ))}
            {below > 0 && <Spacer height={below} columns={columns.length} />}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Spacer({ height, columns }: { height: number; columns: number }) {
  return (
    <tr className="spacer" aria-hidden="true">
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}

function Waiting({ columns, words }: { columns: number; words: string }) {
  return (
    <>
      {[0, 1, 2].map((row) => (
        <tr key={row}>
          {Array.from({ length: columns }, (_, column) => (
            <td key={column}>
              <span className="skeleton" aria-hidden="true" />
              {row === 0 && column === 0 && <span className="hidden-words">{words}</span>}
            </td>
          ))}
        </tr>
      ))}
    </>
  );
}
