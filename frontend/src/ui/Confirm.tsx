import { Button, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from './Dialog';
import { Sentence } from './Sentence';
import { useFailure } from './failure';

type Props = {
  title: string;
  /** What goes, and what stays. */
  children: ReactNode;
  verb: string;
  /** Must be typed before the button works; for what cannot be taken back. */
  typeName?: string | undefined;
  act: () => Promise<unknown>;
  onClose: () => void;
};

/** Asks before something goes, showing what goes. */
export function Confirm({ title, children, verb, typeName, act, onClose }: Props) {
  const { t } = useTranslation();
  const say = useFailure();
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await act();
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog onClose={onClose} title={title}>
      <div className="stack">
        {children}
        {typeName !== undefined && (
          <TextInput
            label={t('shell.typeName', { name: typeName })}
            value={typed}
            spellCheck={false}
            autoComplete="off"
            className="mono-input"
            data-autofocus
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        )}
        {error !== undefined && <Sentence tone="bad">{say(error)}</Sentence>}
        <div className="actions">
          <Button variant="default" onClick={onClose}>
            {t('shell.cancel')}
          </Button>
          <Button color="red.9" loading={busy} disabled={typeName !== undefined && typed !== typeName} onClick={() => void run()}>
            {verb}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
