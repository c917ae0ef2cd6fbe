import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../ui/Dialog';
import { tokens } from '../api/endpoints';
import { useList } from '../api/hooks';
import type { Token } from '../api/types';
import { Confirm } from '../ui/Confirm';
import { Copy } from '../ui/Copy';
import { DataTable, type Column } from '../ui/DataTable';
import { useFailure, useFieldErrors } from '../ui/failure';
import { isLabel } from '../ui/names';
import { Nothing, Page } from '../ui/Page';
import { Sentence } from '../ui/Sentence';
import { Time } from '../ui/Time';

const id = (one: Token) => one.name;
const lifetimes = [7, 30, 90, 180, 366];
const KEY = ['tokens'];

export default function Tokens() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const query = useList({ key: KEY, params: {}, read: tokens.list });
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<Token>();
  const columns = useMemo<Column<Token>[]>(
    () => [
      { id: 'name', title: t('token.name'), cell: (one) => <span className="mono">{one.name}</span> },
      { id: 'scope', title: t('token.scope'), cell: (one) => (one.permissions ? <span title={one.permissions.join(', ')}>{t('token.some', { count: one.permissions.length })}</span> : t('token.all')) },
      { id: 'created', title: t('workspace.created'), cell: (one) => <Time at={one.createdAt} /> },
      { id: 'expires', title: t('token.expires'), cell: (one) => <Time at={one.expiresAt} /> },
      { id: 'used', title: t('token.used'), cell: (one) => (one.lastUsedAt ? <Time at={one.lastUsedAt} /> : t('user.never')) },
      {
        id: 'do',
        title: t('shell.actions'),
        cell: (one) => (
          <button type="button" className="link-button" onClick={() => setRevoking(one)}>
            {t('token.revoke')}
            <span className="hidden-words"> {one.name}</span>
          </button>
        ),
      },
    ],
    [t],
  );
  const changed = () => cache.invalidateQueries({ queryKey: KEY });
  return (
    <Page title={t('user.tokens')} about={t('token.about')} full actions={<Button onClick={() => setCreating(true)}>{t('token.create')}</Button>}>
      <DataTable label={t('user.tokens')} query={query} columns={columns} rowId={id} empty={<Nothing>{t('token.empty')}</Nothing>} />
      {creating && <Create onClose={() => setCreating(false)} onDone={changed} />}
      {revoking && (
        <Confirm
          title={t('token.revokeTitle', { name: revoking.name })}
          verb={t('token.revoke')}
          act={async () => {
            await tokens.revoke(revoking.name);
            await changed();
          }}
          onClose={() => setRevoking(undefined)}
        >
          <p>{t('token.revokeAbout')}</p>
        </Confirm>
      )}
    </Page>
  );
}

function Create({ onClose, onDone }: { onClose: () => void; onDone: () => Promise<unknown> }) {
  const { t } = useTranslation();
  const say = useFailure();
  const fieldErrors = useFieldErrors();
  const [name, setName] = useState('');
  const [days, setDays] = useState('90');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [secret, setSecret] = useState<string>();
  const wrong = fieldErrors(error);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const made = await tokens.create({ name, expiresInDays: Number(days) });
      setSecret(made.secret);
      await onDone();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog onClose={onClose} title={t('token.create')} keepOpen={secret !== undefined}>
      {secret === undefined ? (
        <form className="stack" onSubmit={(event) => void submit(event)}>
          <TextInput
            label={t('token.name')}
            description={t('token.nameHint')}
            className="mono-input"
            data-autofocus
            autoComplete="off"
            spellCheck={false}
            value={name}
            error={wrong.name ?? (name !== '' && !isLabel(name) ? t('shell.nameBad') : undefined)}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <NativeSelect
            label={t('token.lifetime')}
            data={lifetimes.map((value) => ({ value: String(value), label: t('token.days', { count: value }) }))}
            value={days}
            onChange={(event) => setDays(event.currentTarget.value)}
          />
          {error !== undefined && !wrong.name && <Sentence tone="bad">{say(error)}</Sentence>}
          <div className="actions">
            <Button variant="default" onClick={onClose}>
              {t('shell.cancel')}
            </Button>
            <Button type="submit" loading={busy} disabled={!isLabel(name)}>
              {t('token.create')}
            </Button>
          </div>
        </form>
      ) : (
        <div className="stack">
          <Sentence tone="warn">{t('token.once')}</Sentence>
          <div className="copy-line">
            <code>{secret}</code>
            <Copy text={secret} />
          </div>
          <div className="actions">
            <Button onClick={onClose}>{t('token.kept')}</Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
