import { Button } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';

export function Copy({ text }: { text: string }) {
  const { t } = useTranslation();
  const clipboard = useClipboard({ timeout: 1500 });
  return (
    <Button variant="default" size="compact-xs" onClick={() => clipboard.copy(text)}>
      {clipboard.copied ? t('shell.copied') : t('shell.copy')}
    </Button>
  );
}
