import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useCallback, useEffect, useRef, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { basePath } from '../api/base';
import { ApiFailure } from '../api/client';
import { session } from '../api/endpoints';
import type { Language, SetupRequest, UrlTestResult } from '../api/types';
import { useSaid } from '../phrases';
import { Sentence } from '../ui/Sentence';
import { useFailure, useFieldErrors } from '../ui/failure';
import { Frame } from './Frame';

/** The one-time token, out of the link that the server printed: in the fragment, or in the query. */
function tokenInLink(): string {
  const parts = [location.hash.replace(/^#/, ''), location.search.replace(/^\?/, '')];
  for (const part of parts) {
    const named = new URLSearchParams(part).get('token');
    if (named) return named;
    if (part && !part.includes('=')) return decodeURIComponent(part);
  }
  return '';
}

const nameRule = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/;
const isUrl = (text: string) => /^https?:\/\/[^\s/]+/.test(text);

export default function Setup({ onDone }: { onDone: () => void }) {
  const { t, i18n } = useTranslation();
  const say = useFailure();
  const fieldErrors = useFieldErrors();
  const said = useSaid();
  const [linked] = useState(tokenInLink);
  const [token, setToken] = useState(linked);
  const [name, setName] = useState('admin');
  const [displayName, setDisplayName] = useState('');
  const [password, setPassword] = useState('');
  const [url, setUrl] = useState(() => location.origin + basePath);
  const [test, setTest] = useState<UrlTestResult | 'running'>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [touched, setTouched] = useState(false);
  const tested = useRef('');

  const runTest = useCallback(async () => {
    if (!isUrl(url) || token === '' || tested.current === url) return;
    tested.current = url;
    setTest('running');
    try {
      setTest(await session.testUrl(token, url));
    } catch (failure) {
      tested.current = '';
      setTest(undefined);
      setError(failure);
    }
  }, [token, url]);
  // The address of this page is tested without being asked, so that most people have nothing to do here.
  const first = useRef(runTest);
  useEffect(() => void first.current(), []);

  const wrong = fieldErrors(error);
  const nameError = wrong.name ?? (touched && !nameRule.test(name) ? t('setup.nameBad') : undefined);
  const containsName = name.length > 0 && password.toLowerCase().includes(name.toLowerCase());
  const passwordError =
    wrong.password ??
    (touched && password.length < 8
      ? t('setup.passwordShort', { count: password.length })
      : touched && containsName
        ? t('setup.passwordName')
        : undefined);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTouched(true);
    if (!nameRule.test(name) || password.length < 8 || containsName || token === '') return;
    setBusy(true);
    setError(undefined);
    const body: SetupRequest = { token, name, password, language: i18n.language as Language };
    if (displayName.trim() !== '') body.displayName = displayName.trim();
    if (isUrl(url)) body.advertisedUrl = url;
    try {
      await session.finishSetup(body);
      onDone();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  const general = error instanceof ApiFailure && error.fields.length > 0 ? undefined : error;
  return (
    <Frame title={t('setup.title')}>
      <p className="muted">{t('setup.intro')}</p>
      {general !== undefined && <Sentence tone="bad">{say(general)}</Sentence>}
      <form className="stack" noValidate onSubmit={(event) => void submit(event)}>
        {linked === '' && (
          <TextInput
            size="sm"
            label={t('setup.token')}
            description={t('setup.tokenHint')}
            autoComplete="off"
            spellCheck={false}
            className="mono-input"
            value={token}
            error={wrong.token ?? (touched && token === '' ? t('setup.tokenMissing') : undefined)}
            onChange={(event) => setToken(event.currentTarget.value.trim())}
          />
        )}
        <h2>{t('setup.account')}</h2>
        <div className="two">
          <TextInput
            size="sm"
            label={t('setup.name')}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            value={name}
            error={nameError}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <TextInput
            size="sm"
            label={t('setup.optional', { label: t('setup.displayName') })}
            autoComplete="name"
            value={displayName}
            onChange={(event) => setDisplayName(event.currentTarget.value)}
          />
        </div>
        <PasswordInput
          size="sm"
          label={t('setup.password')}
          description={t('setup.passwordHint')}
          autoComplete="new-password"
          autoFocus
          value={password}
          error={passwordError}
          onChange={(event) => setPassword(event.currentTarget.value)}
          onBlur={() => setTouched(password !== '')}
        />
        <h2>{t('setup.address')}</h2>
        <div className="with-button">
          <TextInput
            size="sm"
            label={t('setup.url')}
            description={t('setup.urlHint')}
            inputMode="url"
            spellCheck={false}
            className="mono-input"
            value={url}
            error={wrong.advertisedUrl ?? (isUrl(url) ? undefined : t('setup.urlBad'))}
            onChange={(event) => {
              setUrl(event.currentTarget.value.trim());
              setTest(undefined);
            }}
            onBlur={() => void runTest()}
          />
          <Button
            size="sm"
            variant="default"
            disabled={!isUrl(url) || token === ''}
            loading={test === 'running'}
            onClick={() => {
              tested.current = '';
              void runTest();
            }}
          >
            {t('setup.urlTest')}
          </Button>
        </div>
        <div aria-live="polite">
          {test === 'running' && <Sentence tone="busy">{t('setup.urlTesting')}</Sentence>}
          {test && test !== 'running' && <Sentence tone={test.reachable ? 'ok' : 'warn'}>{said(test.message)}</Sentence>}
        </div>
        <Button type="submit" size="sm" loading={busy}>
          {t('setup.submit')}
        </Button>
      </form>
    </Frame>
  );
}
