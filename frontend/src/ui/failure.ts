import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiFailure } from '../api/client';
import { useKnown, useSaid } from '../phrases';

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
  const { t } = useTranslation();
  const known = useKnown();
  return useCallback(
    (error: unknown) => {
      if (!(error instanceof ApiFailure)) return error instanceof Error ? error.message : t('error.unknown');
      const code = codes.find((one): one is Code => one === error.code);
      const fields = error.fields.map((field) => `${field.field}: ${known(field.message) ?? field.message}`);
      const own = code ? t(`error.${code}`) : t('error.unknown');
      // The sentence of a refusal of fields repeats the first of them. What cannot be said in the language of now
      // goes after a sentence that can.
      const words = error.message === '' || fields.length > 0 ? own : (known(error.message) ?? (code ? `${own} ${error.message}` : error.message));
      return [words, ...fields].join(' · ');
    },
    [t, known],
  );
}

/** Messages of a refusal by field, for forms; paths are those of the body. */
export function useFieldErrors(): (error: unknown) => Record<string, string> {
  const said = useSaid();
  return useCallback(
    (error: unknown) => (error instanceof ApiFailure ? Object.fromEntries(error.fields.map((field) => [field.field, said(field.message)])) : {}),
    [said],
  );
}
