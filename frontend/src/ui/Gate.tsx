import { Button } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiFailure } from '../api/client';
import { useFailure } from './failure';
import { Sentence } from './Sentence';

/** A failure with its sentence and what can be done: try again, or whom to ask. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useTranslation();
  const say = useFailure();
  const status = error instanceof ApiFailure ? error.status : undefined;
  return (
    <Sentence tone="bad">
      <p>{say(error)}</p>
      {status === 403 && (error as ApiFailure).message === '' && <p className="muted">{t('shell.whoGrants')}</p>}
      {error instanceof ApiFailure && error.requestId && status !== 403 && status !== 404 && (
        <p className="muted mono">{t('error.requestId', { id: error.requestId })}</p>
      )}
      {retry && status !== 403 && status !== 404 && (
        <Button variant="default" mt={6} onClick={retry}>
          {t('door.retry')}
        </Button>
      )}
    </Sentence>
  );
}

/** Shows a resource when it is there, else that it is on its way or why it is not. Old data stays readable. */
export function Gate<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  const { t } = useTranslation();
  const { data, error, refetch } = query;
  if (data === undefined) {
    return error ? <Failure error={error} retry={() => void refetch()} /> : <p className="muted" role="status" data-waiting>{t('door.loading')}</p>;
  }
  return (
    <>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {children(data)}
    </>
  );
}
