import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { changeLanguage, languages } from '../i18n';
import { BRAND } from '../ui/brand';

/** What setup and sign-in share: the mark, the language, one narrow column. */
export function Frame({ title, children }: { title: string; children: ReactNode }) {
  const { t, i18n } = useTranslation();
  return (
    <div className="door">
      <header className="door-head">
        <span className="mark" aria-hidden="true" />
        <span className="door-name">{BRAND}</span>
        <span className="door-tagline">{t('door.tagline')}</span>
        <div className="door-languages" role="group" aria-label={t('door.language')}>
          {languages.map(({ value, label }) => (
            <button key={value} type="button" lang={value} aria-pressed={i18n.language === value} onClick={() => void changeLanguage(value)}>
              {label}
            </button>
          ))}
        </div>
      </header>
      <main className="door-body">
        <h1>{title}</h1>
        {children}
      </main>
    </div>
  );
}
