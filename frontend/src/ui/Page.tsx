import { Link, type LinkProps } from '@tanstack/react-router';
import { useEffect, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { BRAND } from './brand';

type PageProps = {
  title: string;
  /** A sentence under the title. */
  about?: ReactNode;
  state?: ReactNode;
  actions?: ReactNode;
  tabs?: ReactNode;
  /** The page fills the window and scrolls inside. */
  full?: boolean;
  children: ReactNode;
};

export function Page({ title, about, state, actions, tabs, full, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · ${BRAND}`;
  }, [title]);
  return (
    <div className={full ? 'page full' : 'page'}>
      <div className="page-head">
        <div className="page-words">
          <div className="row">
            <h1>{title}</h1>
            {state}
          </div>
          {about && <div className="muted">{about}</div>}
        </div>
        {actions && <div className="row">{actions}</div>}
      </div>
      {tabs}
      {children}
    </div>
  );
}

export type Tab = { link: LinkProps; label: string };

export function Tabs({ tabs }: { tabs: Tab[] }) {
  const { t } = useTranslation();
  return (
    <nav className="page-tabs" aria-label={t('shell.sections')}>
      {tabs.map(({ link, label }) => (
        <Link key={label} {...link} activeProps={{ 'aria-current': 'page' }} activeOptions={{ exact: true, includeSearch: false }}>
          {label}
        </Link>
      ))}
    </nav>
  );
}

export function Panel({ title, side, children, flush }: { title: string; side?: ReactNode; children: ReactNode; flush?: boolean }) {
  return (
    <section className="panel">
      <div className="panel-head">
        <h2>{title}</h2>
        {side}
      </div>
      {flush ? children : <div className="panel-body">{children}</div>}
    </section>
  );
}

/** An empty place: what would be here and how it gets here. */
export function Nothing({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="nothing">
      <p className="muted">{children}</p>
      {action}
    </div>
  );
}
