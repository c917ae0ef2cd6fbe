import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../ui/Dialog';
import { roles, users } from '../api/endpoints';
import { useList, useResource } from '../api/hooks';
import { may } from '../api/permissions';
import { useCan, useMe } from '../api/session';
import type { User } from '../api/types';
import { Confirm } from '../ui/Confirm';
import { DataTable, type Column } from '../ui/DataTable';
import { useFailure, useFieldErrors } from '../ui/failure';
import { Filter } from '../ui/Filter';
import { isUserName } from '../ui/names';
import { Nothing, Page } from '../ui/Page';
import { RolePicks } from '../ui/RolePicks';
import { Sentence } from '../ui/Sentence';
import { UserStateMark } from '../ui/State';
import { Time } from '../ui/Time';
import { useListSearch } from '../ui/useListSearch';

const id = (one: User) => one.name;
type Dialog = { kind: 'create' } | { kind: 'state' | 'remove'; user: User };

export default function Users() {
  const { t } = useTranslation();
  const can = useCan();
  const me = useMe().data;
  const cache = useQueryClient();
  const { search, sort, setSearch, setSort } = useListSearch();
  const [dialog, setDialog] = useState<Dialog>();
  const query = useList({ key: ['users'], topic: 'users', params: { search, sort: sort ?? 'name' }, read: users.list });
  const manages = can.platform(may.manageUsers);
  const myName = me?.name;
  const columns = useMemo<Column<User>[]>(() => {
    const list: Column<User>[] = [
      { id: 'name', title: t('user.name'), sort: 'name', cell: (one) => <span className="mono">{one.name}</span> },
      { id: 'displayName', title: t('member.displayName'), cell: (one) => one.displayName ?? '–' },
      { id: 'email', title: t('user.email'), cell: (one) => one.email ?? '–' },
      { id: 'state', title: t('user.state'), cell: (one) => <UserStateMark state={one.state} /> },
      { id: 'roles', title: t('user.roles'), cell: (one) => one.roles.join(', ') || '–' },
      { id: 'last', title: t('user.lastSignIn'), cell: (one) => (one.lastSignInAt ? <Time at={one.lastSignInAt} /> : t('user.never')) },
      { id: 'created', title: t('workspace.created'), sort: 'createdAt', cell: (one) => <Time at={one.createdAt} /> },
    ];
    if (manages) {
      list.push({
        id: 'do',
        title: t('shell.actions'),
        cell: (user) =>
          user.name === myName ? (
            <span className="muted">{t('user.you')}</span>
          ) : (
            <span className="row">
              <button type="button" className="link-button" onClick={() => setDialog({ kind: 'state', user })}>
                {user.state === 'active' ? t('user.disable') : t('user.enable')}
                <span className="hidden-words"> {user.name}</span>
              </button>
              <button type="button" className="link-button" onClick={() => setDialog({ kind: 'remove', user })}>
                {t('user.remove')}
                <span className="hidden-words"> {user.name}</span>
              </button>
            </span>
          ),
      });
    }
    return list;
  }, [t, manages, myName]);
  const close = () => setDialog(undefined);
  const changed = () => cache.invalidateQueries({ queryKey: ['users'] });
  return (
    <Page title={t('nav.users')} full actions={manages && <Button onClick={() => setDialog({ kind: 'create' })}>{t('user.create')}</Button>}>
      <div className="tools">
        <Filter value={search} onChange={setSearch} total={query.data?.pages[0]?.total} />
      </div>
      <DataTable
        label={t('nav.users')}
        query={query}
        columns={columns}
        rowId={id}
        sort={sort ?? 'name'}
        onSort={setSort}
        empty={<Nothing>{t('shell.noMatch')}</Nothing>}
      />
      {dialog?.kind === 'create' && <Create onClose={close} onDone={changed} />}
      {dialog?.kind === 'state' && (
        <Confirm
          title={dialog.user.state === 'active' ? t('user.disableTitle', { name: dialog.user.name }) : t('user.enableTitle', { name: dialog.user.name })}
          verb={dialog.user.state === 'active' ? t('user.disable') : t('user.enable')}
          act={async () => {
            await users.update(dialog.user.name, { state: dialog.user.state === 'active' ? 'disabled' : 'active' });
            await changed();
          }}
          onClose={close}
        >
          <p>{dialog.user.state === 'active' ? t('user.disableAbout') : t('user.enableAbout')}</p>
        </Confirm>
      )}
      {dialog?.kind === 'remove' && (
        <Confirm
          title={t('user.removeTitle', { name: dialog.user.name })}
          verb={t('user.remove')}
          typeName={dialog.user.name}
          act={async () => {
            await users.remove(dialog.user.name);
            await changed();
          }}
          onClose={close}
        >
          <p>{t('user.removeAbout')}</p>
        </Confirm>
      )}
    </Page>
  );
}

function Create({ onClose, onDone }: { onClose: () => void; onDone: () => Promise<unknown> }) {
  const { t } = useTranslation();
  const say = useFailure();
  const fieldErrors = useFieldErrors();
  const offered = useResource({ key: ['roles', 'platform'], read: (options) => roles.list('platform', options) });
  const [name, setName] = useState('');
  const [displayName, setDisplayName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [picked, setPicked] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const wrong = fieldErrors(error);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await users.create({
        name,
        password,
        roles: picked,
        ...(displayName.trim() ? { displayName: displayName.trim() } : {}),
        ...(email.trim() ? { email: email.trim() } : {}),
      });
      await onDone();
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog onClose={onClose} title={t('user.create')}>
      <form className="stack" noValidate onSubmit={(event) => void submit(event)}>
        <TextInput
          label={t('user.name')}
          className="mono-input"
          data-autofocus
          autoComplete="off"
          spellCheck={false}
          value={name}
          error={wrong.name ?? (name !== '' && !isUserName(name) ? t('setup.nameBad') : undefined)}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <div className="two">
          <TextInput label={t('setup.optional', { label: t('member.displayName') })} value={displayName} onChange={(event) => setDisplayName(event.currentTarget.value)} />
          <TextInput label={t('setup.optional', { label: t('user.email') })} type="email" value={email} error={wrong.email} onChange={(event) => setEmail(event.currentTarget.value)} />
        </div>
        <PasswordInput
          label={t('user.firstPassword')}
          description={t('setup.passwordHint')}
          autoComplete="new-password"
          value={password}
          error={wrong.password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <RolePicks label={t('user.roles')} hint={t('user.rolesHint')} offered={offered.data ?? []} picked={picked} onChange={setPicked} />
        {error !== undefined && Object.keys(wrong).length === 0 && <Sentence tone="bad">{say(error)}</Sentence>}
        <div className="actions">
          <Button variant="default" onClick={onClose}>
            {t('shell.cancel')}
          </Button>
          <Button type="submit" loading={busy} disabled={!isUserName(name) || password.length < 8}>
            {t('user.create')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
