import { Outlet, useParams } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { Header } from './Header';
import { Navigation } from './Navigation';
import { Palette } from './Palette';
import { visit } from './recents';
import { Shortcuts } from './Shortcuts';

export function Layout() {
  const { t } = useTranslation();
  const { ws, proj } = useParams({ strict: false });
  useEffect(() => {
    if (ws && proj) visit(`${ws}/${proj}`);
  }, [ws, proj]);
  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>
        {t('shell.skip')}
      </a>
      <Header workspace={ws} project={proj} />
      <Navigation workspace={ws} project={proj} />
      <main className="shell-main" id="main" tabIndex={-1}>
        <Outlet />
      </main>
      <Palette />
      <Shortcuts />
    </div>
  );
}
