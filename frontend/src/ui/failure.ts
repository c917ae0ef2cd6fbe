import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiFailure } from '../api/client';

const codes = [
  'bad_request',
  'unauthenticated',
  'forbidden',
  'not_found',
  'method_not_allowed',
  'already_exists',
  'conflict',
  'precondition_failed',
  'too_large',
  'invalid',
  'probe_failed',
  'too_many_requests',
  'internal',
  'unavailable',
  'timeout',
  'no_connection',
] as const;
type Code = (typeof codes)[number];

/** Turns a failure into a sentence: the server's own where it gave one, and ours for the code. */
export function useFailure(): (error: unknown) => string {
  const { t, i18n } = useTranslation();
  const english = i18n.language === 'en';
  return useCallback(
    (error: unknown) => {
      if (!(error instanceof ApiFailure)) return error instanceof Error ? error.message : t('error.unknown');
      const code = codes.find((one): one is Code => one === error.code);
      const fields = error.fields.map((field) => `${field.field}: ${field.message}`);
      const own = code ? t(`error.${code}`) : t('error.unknown');
      // The server speaks English; in other languages our own sentence goes before its details.
      const words = error.message === '' ? own : english || !code ? error.message : `${own} ${error.message}`;
      return [words, ...fields].join(' · ');
    },
    [t, english],
  );
}

/** Messages of a refusal by field, for forms; paths are those of the body. */
export function fieldErrors(error: unknown): Record<string, string> {
  if (!(error instanceof ApiFailure)) return {};
  return Object.fromEntries(error.fields.map((field) => [field.field, field.message]));
}
