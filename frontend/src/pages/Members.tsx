// Members of a workspace or a project: the same page for both.
import { Button, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../ui/Dialog';
import { members, roles, users, type MemberScope } from '../api/endpoints';
import { useList, useResource } from '../api/hooks';
import { may } from '../api/permissions';
import { useCan } from '../api/session';
import type { Member } from '../api/types';
import { Confirm } from '../ui/Confirm';
import { DataTable, type Column } from '../ui/DataTable';
import { useFailure, useFieldErrors } from '../ui/failure';
import { isUserName } from '../ui/names';
import { Nothing, Page } from '../ui/Page';
import { RolePicks } from '../ui/RolePicks';
import { Sentence } from '../ui/Sentence';
import { Time } from '../ui/Time';

type Dialog = { kind: 'add' } | { kind: 'roles' | 'remove'; member: Member };
const id = (one: Member) => one.user;

export function Members({ scope }: { scope: MemberScope }) {
  const { t } = useTranslation();
  const can = useCan();
  const cache = useQueryClient();
  const [dialog, setDialog] = useState<Dialog>();
  const key = ['members', scope.scope, scope.name];
  const query = useList({ key, topic: `${scope.scope}/${scope.name}`, params: {}, read: (params, options) => members.list(scope, params, options) });
  const manages =
    scope.scope === 'workspaces' ? can.workspace(scope.name, may.manageWorkspaceMembers) : can.project(scope.name, may.manageProjectMembers);
  const columns = useMemo<Column<Member>[]>(() => {
    const list: Column<Member>[] = [
      { id: 'user', title: t('member.user'), cell: (one) => <span className="mono">{one.user}</span> },
      { id: 'name', title: t('member.displayName'), cell: (one) => one.displayName ?? '–' },
      { id: 'roles', title: t('member.roles'), cell: (one) => one.roles.join(', ') },
      { id: 'since', title: t('member.since'), cell: (one) => <Time at={one.since} /> },
    ];
    if (manages) {
      list.push({
        id: 'do',
        title: t('shell.actions'),
        cell: (member) => (
          <span className="row">
            <button type="button" className="link-button" onClick={() => setDialog({ kind: 'roles', member })}>
              {t('member.change')}
              <span className="hidden-words"> {member.user}</span>
            </button>
            <button type="button" className="link-button" onClick={() => setDialog({ kind: 'remove', member })}>
              {t('member.remove')}
              <span className="hidden-words"> {member.user}</span>
            </button>
          </span>
        ),
      });
    }
    return list;
  }, [t, manages]);
  const close = () => setDialog(undefined);
  const changed = async () => {
    await cache.invalidateQueries({ queryKey: key });
    close();
  };
  return (
    <Page
      title={t('nav.members')}
      full
      about={manages ? undefined : t('member.readOnly')}
      actions={manages && <Button onClick={() => setDialog({ kind: 'add' })}>{t('member.add')}</Button>}
    >
      <DataTable label={t('nav.members')} query={query} columns={columns} rowId={id} empty={<Nothing>{t('member.empty')}</Nothing>} />
      {dialog?.kind === 'add' && <Put scope={scope} onDone={changed} onClose={close} />}
      {dialog?.kind === 'roles' && <Put scope={scope} member={dialog.member} onDone={changed} onClose={close} />}
      {dialog?.kind === 'remove' && (
        <Confirm
          title={t('member.removeTitle', { name: dialog.member.user })}
          verb={t('member.remove')}
          act={async () => {
            await members.remove(scope, dialog.member.user);
            await changed();
          }}
          onClose={close}
        >
          <p>{scope.scope === 'workspaces' ? t('member.removeWorkspace') : t('member.removeProject')}</p>
        </Confirm>
      )}
    </Page>
  );
}

function Put({ scope, member, onDone, onClose }: { scope: MemberScope; member?: Member; onDone: () => Promise<void>; onClose: () => void }) {
  const { t } = useTranslation();
  const say = useFailure();
  const fieldErrors = useFieldErrors();
  const can = useCan();
  const kind = scope.scope === 'workspaces' ? 'workspace' : 'project';
  const offered = useResource({ key: ['roles', kind], read: (options) => roles.list(kind, options) });
  const seesUsers = can.platform(may.seeUsers);
  const [user, setUser] = useState(member?.user ?? '');
  const people = useResource({ key: ['users', 'choice', user], enabled: seesUsers && !member, read: (options) => users.list({ limit: 20, search: user }, options) });
  const [picked, setPicked] = useState<string[]>(member?.roles ?? []);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await members.put(scope, user, picked);
      await onDone();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog onClose={onClose} title={member ? t('member.changeTitle', { name: member.user }) : t('member.add')}>
      <form className="stack" onSubmit={(event) => void submit(event)}>
        {!member && (
          <>
            <TextInput
              label={t('member.user')}
              description={t('member.userHint')}
              className="mono-input"
              list="member-choices"
              data-autofocus
              autoComplete="off"
              spellCheck={false}
              value={user}
              error={fieldErrors(error).user}
              onChange={(event) => setUser(event.currentTarget.value.trim())}
            />
            <datalist id="member-choices">
              {people.data?.items.map((one) => (
                <option key={one.name} value={one.name}>
                  {one.displayName}
                </option>
              ))}
            </datalist>
          </>
        )}
        <RolePicks label={t('member.roles')} offered={offered.data ?? []} picked={picked} onChange={setPicked} />
        {error !== undefined && <Sentence tone="bad">{say(error)}</Sentence>}
        <div className="actions">
          <Button variant="default" onClick={onClose}>
            {t('shell.cancel')}
          </Button>
          <Button type="submit" loading={busy} disabled={!isUserName(user) || picked.length === 0}>
            {member ? t('shell.save') : t('member.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
