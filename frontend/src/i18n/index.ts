// Words of the console. What sign-in needs is loaded first; the rest comes with the shell. Keys are typed from the
// English files, and a check holds the Chinese ones to the same keys.
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import type { Language } from '../api/types';
import { loadPhrases } from '../phrases';
import { remember } from '../preferences';

type Part = 'door' | 'console';
type Bundle = { default: Record<string, unknown> };

const parts: Record<Language, Record<Part, () => Promise<Bundle>>> = {
  en: { door: () => import('./en/door.json'), console: () => import('./en/console') },
  'zh-CN': { door: () => import('./zh-CN/door.json'), console: () => import('./zh-CN/console') },
};

export const languages: { value: Language; label: string }[] = [
  { value: 'en', label: 'English' },
  { value: 'zh-CN', label: '简体中文' },
];

const wanted = new Set<Part>(['door']);

async function load(language: Language, part: Part): Promise<void> {
  const bundle = await parts[language][part]();
  i18next.addResourceBundle(language, 'translation', bundle.default, true, true);
}

export async function startWords(language: Language): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    supportedLngs: ['en', 'zh-CN'],
    resources: {},
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
    returnNull: false,
  });
  await load(language, 'door');
  // Nobody waits for it: the door itself needs no sentence of the server.
  void loadPhrases(language);
  tell(language);
}

/** Loads the words of the shell in the language of now. */
export async function loadConsoleWords(): Promise<void> {
  wanted.add('console');
  const language = i18next.language as Language;
  await Promise.all([load(language, 'console'), loadPhrases(language)]);
}

export async function changeLanguage(language: Language): Promise<void> {
  await Promise.all([...[...wanted].map((part) => load(language, part)), loadPhrases(language)]);
  await i18next.changeLanguage(language);
  remember('language', language);
  tell(language);
}

function tell(language: Language): void {
  document.documentElement.lang = language;
}
