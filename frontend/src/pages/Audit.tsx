import { TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { audit } from '../api/endpoints';
import { useList } from '../api/hooks';
import type { AuditEntry } from '../api/types';
import type { AuditSearch } from '../routes';
import { DataTable, type Column } from '../ui/DataTable';
import { useFormat } from '../ui/format';
import { Nothing, Page } from '../ui/Page';
import { State } from '../ui/State';

const id = (one: AuditEntry) => String(one.id);
const filters = ['actor', 'verb', 'kind', 'workspace', 'project'] as const;

const outcomes = ['ok', 'forbidden', 'not_found', 'unauthenticated', 'too_many_requests'] as const;

/** How an attempt ended, where it has a word of its own; else its code has to do. */
function useOutcome(): (code: string) => string | undefined {
  const { t } = useTranslation();
  return useCallback(
    (code: string) => {
      const known = outcomes.find((one) => one === code);
      return known && t(`audit.results.${known}`);
    },
    [t],
  );
}

/** Who did what, newest first; the filters are in the address. */
export default function Audit() {
  const { t } = useTranslation();
  const format = useFormat();
  const outcome = useOutcome();
  const navigate = useNavigate();
  const search = useSearch({ from: '/audit' });
  const query = useList({ key: ['audit'], topic: 'audit', params: search, read: audit.list });
  const columns = useMemo<Column<AuditEntry>[]>(
    () => [
      { id: 'at', title: t('audit.at'), cell: (one) => <time dateTime={one.at}>{format.time(one.at)}</time> },
      { id: 'actor', title: t('audit.actor'), cell: (one) => <span className="mono">{one.actor}</span> },
      { id: 'verb', title: t('audit.verb'), cell: (one) => <span className="mono">{one.verb}</span> },
      { id: 'kind', title: t('audit.kind'), cell: (one) => <span className="mono">{one.kind}</span> },
      { id: 'name', title: t('audit.name'), cell: (one) => <span className="mono">{one.name}</span> },
      { id: 'where', title: t('audit.where'), cell: (one) => <span className="mono">{[one.workspace, one.project, one.cluster].filter(Boolean).join(' ▸ ') || '–'}</span> },
      { id: 'result', title: t('audit.result'), cell: (one) => <State tone={one.result === 'ok' ? 'ok' : 'bad'} word={outcome(one.result) ?? one.result} /> },
      { id: 'address', title: t('audit.address'), cell: (one) => <span className="mono">{one.address ?? '–'}</span> },
    ],
    [t, format, outcome],
  );
  const set = useDebouncedCallback(
    (field: keyof AuditSearch, value: string) =>
      void navigate({
        to: '/audit',
        replace: true,
        search: (before) => Object.fromEntries(Object.entries({ ...before, [field]: value.trim() }).filter(([, text]) => text !== '')),
      }),
    250,
  );
  return (
    <Page title={t('nav.audit')} full>
      <div className="tools">
        {filters.map((field) => (
          <TextInput
            key={field}
            w={150}
            {...(field === 'actor' ? { 'data-filter': true } : {})}
            aria-label={t(`audit.filter.${field}`)}
            placeholder={t(`audit.filter.${field}`)}
            defaultValue={search[field] ?? ''}
            onChange={(event) => set(field, event.currentTarget.value)}
          />
        ))}
        <span className="count num" role="status">
          {query.data ? t('shell.inAll', { count: query.data.pages[0]?.total ?? 0, number: format.number(query.data.pages[0]?.total ?? 0) }) : ''}
        </span>
      </div>
      <DataTable label={t('nav.audit')} query={query} columns={columns} rowId={id} empty={<Nothing>{t('shell.noMatch')}</Nothing>} />
    </Page>
  );
}
