import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useEffect, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiFailure } from '../api/client';
import { session } from '../api/endpoints';
import { changeLanguage } from '../i18n';
import { recall } from '../preferences';
import { Sentence } from '../ui/Sentence';
import { useFailure } from '../ui/failure';
import { Frame } from './Frame';

type Refusal = { kind: 'wrong' } | { kind: 'wait'; until: number } | { kind: 'other'; error: unknown };

/** Seconds left, counted down while somebody looks. */
function useSecondsLeft(until: number | undefined): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (until === undefined) return;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [until]);
  return until === undefined ? 0 : Math.max(0, Math.ceil((until - now) / 1000));
}

export default function Door({ ended, onDone }: { ended: boolean; onDone: () => void }) {
  const { t } = useTranslation();
  const say = useFailure();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
  const left = useSecondsLeft(refusal?.kind === 'wait' ? refusal.until : undefined);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setRefusal(undefined);
    try {
      const user = await session.signIn(name, password);
      if (user.language && recall('language') === undefined) await changeLanguage(user.language);
      onDone();
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 401) setRefusal({ kind: 'wrong' });
      else if (error instanceof ApiFailure && error.status === 429) setRefusal({ kind: 'wait', until: Date.now() + (error.retryAfter ?? 5) * 1000 });
      else setRefusal({ kind: 'other', error });
      setBusy(false);
    }
  };

  return (
    <Frame title={t('login.title')}>
      {ended && !refusal && <Sentence tone="note">{t('login.ended')}</Sentence>}
      {refusal?.kind === 'wrong' && <Sentence tone="bad">{t('login.refused')}</Sentence>}
      {refusal?.kind === 'wait' && left > 0 && <Sentence tone="bad">{t('login.wait', { count: left })}</Sentence>}
      {refusal?.kind === 'other' && <Sentence tone="bad">{say(refusal.error)}</Sentence>}
      <form className="stack" onSubmit={(event) => void submit(event)}>
        <TextInput
          size="sm"
          label={t('login.name')}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          required
          withAsterisk={false}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <PasswordInput
          size="sm"
          label={t('login.password')}
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Button type="submit" size="sm" loading={busy} disabled={left > 0}>
          {t('login.submit')}
        </Button>
      </form>
    </Frame>
  );
}
