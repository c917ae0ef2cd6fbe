import { Button, PasswordInput, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { session } from '../api/endpoints';
import { ME, useMe } from '../api/session';
import type { User } from '../api/types';
import { useFailure, useFieldErrors } from '../ui/failure';
import { Gate } from '../ui/Gate';
import { Page, Panel } from '../ui/Page';
import { Sentence } from '../ui/Sentence';

export default function Profile() {
  const { t } = useTranslation();
  const me = useMe();
  return (
    <Page title={t('user.profile')}>
      <Gate query={me}>
        {(user) => (
          <>
            <Account user={user} />
            <Password />
          </>
        )}
      </Gate>
    </Page>
  );
}

function Account({ user }: { user: User }) {
  const { t } = useTranslation();
  const say = useFailure();
  const cache = useQueryClient();
  const [displayName, setDisplayName] = useState(user.displayName ?? '');
  const [error, setError] = useState<unknown>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setError(undefined);
    try {
      cache.setQueryData(ME, await session.updateMe({ displayName: displayName.trim() || null }));
      notifications.show({ message: t('shell.saved') });
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <Panel title={t('user.account')}>
      <form className="stack form" onSubmit={(event) => void submit(event)}>
        <dl className="facts">
          <dt>{t('user.name')}</dt>
          <dd className="mono">{user.name}</dd>
          <dt>{t('user.roles')}</dt>
          <dd className="mono">{user.roles.join(', ') || '–'}</dd>
        </dl>
        <TextInput label={t('member.displayName')} autoComplete="name" value={displayName} onChange={(event) => setDisplayName(event.currentTarget.value)} />
        {error !== undefined && <Sentence tone="bad">{say(error)}</Sentence>}
        <div className="row">
          <Button type="submit">{t('shell.save')}</Button>
        </div>
      </form>
    </Panel>
  );
}

function Password() {
  const { t } = useTranslation();
  const say = useFailure();
  const fieldErrors = useFieldErrors();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const wrong = fieldErrors(error);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await session.changePassword(current, next);
      setCurrent('');
      setNext('');
      notifications.show({ message: t('user.passwordChanged') });
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Panel title={t('user.password')}>
      <form className="stack form" onSubmit={(event) => void submit(event)}>
        <PasswordInput label={t('user.passwordNow')} autoComplete="current-password" value={current} error={wrong.current} onChange={(event) => setCurrent(event.currentTarget.value)} />
        <PasswordInput
          label={t('user.passwordNew')}
          description={t('setup.passwordHint')}
          autoComplete="new-password"
          value={next}
          error={wrong.new}
          onChange={(event) => setNext(event.currentTarget.value)}
        />
        {error !== undefined && Object.keys(wrong).length === 0 && <Sentence tone="bad">{say(error)}</Sentence>}
        <div className="row">
          <Button type="submit" loading={busy} disabled={current === '' || next.length < 8}>
            {t('user.passwordChange')}
          </Button>
        </div>
      </form>
    </Panel>
  );
}
