import { Button } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';

/** Copies a text; `what` tells apart several of these on one page. */
export function Copy({ text, what }: { text: string; what?: string }) {
  const { t } = useTranslation();
  const clipboard = useClipboard({ timeout: 1500 });
  return (
    <Button variant="default" size="compact-xs" {...(what ? { 'aria-label': `${t('shell.copy')} ${what}` } : {})} onClick={() => clipboard.copy(text)}>
      {clipboard.copied ? t('shell.copied') : t('shell.copy')}
    </Button>
  );
}
