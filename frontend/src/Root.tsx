import { lazy, Suspense, useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { basePath } from './api/base';
import { ApiFailure, whenSignedOut } from './api/client';
import { session } from './api/endpoints';
import { loadConsoleWords } from './i18n';

const Door = lazy(() => import('./door/Door'));
const Setup = lazy(() => import('./door/Setup'));
const App = lazy(async () => {
  const [app] = await Promise.all([import('./shell/App'), loadConsoleWords()]);
  return app;
});

type Where = { at: 'looking' } | { at: 'setup' } | { at: 'login'; ended: boolean } | { at: 'in' } | { at: 'unreachable' };

/** Whether somebody is signed in; undefined when nobody is. */
async function look(): Promise<Where> {
  const [state, me] = await Promise.allSettled([session.setup(), session.me()]);
  if (state.status === 'fulfilled' && state.value.needed) return { at: 'setup' };
  if (me.status === 'fulfilled') return { at: 'in' };
  if (me.reason instanceof ApiFailure && me.reason.status === 401) return { at: 'login', ended: false };
  return { at: 'unreachable' };
}

function goTo(path: string): void {
  if (location.pathname !== basePath + path) history.replaceState(null, '', `${basePath}${path}${path === '/setup' ? location.search + location.hash : ''}`);
}

export function Root() {
  const { t } = useTranslation();
  const [where, setWhere] = useState<Where>({ at: 'looking' });
  const start = useCallback(() => {
    setWhere({ at: 'looking' });
    void look().then((found) => {
      if (found.at === 'setup') goTo('/setup');
      setWhere(found);
    });
  }, []);
  useEffect(start, [start]);
  useEffect(() => whenSignedOut(() => setWhere({ at: 'login', ended: true })), []);
  const enter = useCallback(() => {
    const door = [`${basePath}/setup`, `${basePath}/login`].includes(location.pathname);
    if (door) history.replaceState(null, '', `${basePath}/`);
    setWhere({ at: 'in' });
  }, []);
  const leave = useCallback(() => {
    history.replaceState(null, '', `${basePath}/login`);
    setWhere({ at: 'login', ended: false });
  }, []);

  const waiting = (
    <main className="door-wait" aria-busy="true">
      {t('door.loading')}
    </main>
  );
  if (where.at === 'looking') return waiting;
  if (where.at === 'unreachable') {
    return (
      <main className="door-wait" role="alert">
        <h1>{t('door.unreachable')}</h1>
        <p>{t('door.unreachableNext')}</p>
        <button type="button" className="plain-button" onClick={start}>
          {t('door.retry')}
        </button>
      </main>
    );
  }
  return (
    <Suspense fallback={waiting}>
      {where.at === 'setup' && <Setup onDone={enter} />}
      {where.at === 'login' && <Door ended={where.ended} onDone={enter} />}
      {where.at === 'in' && <App onLeave={leave} />}
    </Suspense>
  );
}
