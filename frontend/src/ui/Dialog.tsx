import { Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

type Props = { title: string; onClose: () => void; children: ReactNode; opened?: boolean; keepOpen?: boolean };

/** A dialog. `keepOpen`: a press beside it does not close it, since something would be lost. */
export function Dialog({ title, onClose, children, opened = true, keepOpen = false }: Props) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      closeOnClickOutside={!keepOpen}
      closeButtonProps={{ 'aria-label': t('shell.close') }}
      // The page has one banner, and it is not the dialog's head.
      attributes={{ header: { role: 'presentation' } }}
    >
      {children}
    </Modal>
  );
}
