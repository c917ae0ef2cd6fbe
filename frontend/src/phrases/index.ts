// What the server says, in the language of the person. The server speaks English with stable codes; where another
// language is spoken, a book of its sentences is loaded beside the page, and until it is there English has to do.
import { useCallback, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import type { Language } from '../api/types';

type Known = (text: string) => string | undefined;
const books: Partial<Record<Language, () => Promise<{ known: Known }>>> = { 'zh-CN': () => import('./zh-CN') };

let loaded: Partial<Record<Language, Known>> = {};
const listeners = new Set<() => void>();

export async function loadPhrases(language: Language): Promise<void> {
  const book = books[language];
  if (!book || loaded[language]) return;
  try {
    const { known } = await book();
    loaded = { ...loaded, [language]: known };
    listeners.forEach((one) => one());
  } catch {
    // The page works without: the sentences stay in English.
  }
}

const watch = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};
const nothing: Known = () => undefined;
const asItIs: Known = (text) => text;

/** A sentence of the server in the language of now, or undefined where the book does not have it. */
export function useKnown(): Known {
  const language = useTranslation().i18n.language as Language;
  const all = useSyncExternalStore(watch, () => loaded);
  return language === 'en' ? asItIs : (all[language] ?? nothing);
}

/** The same for where something must be shown: what is in no book stays in English. */
export function useSaid(): (text: string) => string {
  const known = useKnown();
  return useCallback((text: string) => known(text) ?? text, [known]);
}
