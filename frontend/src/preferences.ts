// What a browser remembers by itself: colour scheme, language, recently visited projects. Storage may be refused
// by the browser; then the defaults hold.
import type { Language } from './api/types';

export type Scheme = 'light' | 'dark' | 'auto';

export function recall(key: string): string | undefined {
  try {
    return localStorage.getItem(`hanse.${key}`) ?? undefined;
  } catch {
    return undefined;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`hanse.${key}`, value);
  } catch {
    // Nothing is lost but the memory of it.
  }
}

export function storedScheme(): Scheme {
  const value = recall('scheme');
  return value === 'light' || value === 'dark' ? value : 'auto';
}

export function preferredLanguage(): Language {
  const stored = recall('language');
  if (stored === 'en' || stored === 'zh-CN') return stored;
  return navigator.languages.some((one) => /^zh\b/i.test(one)) && /^zh\b/i.test(navigator.language) ? 'zh-CN' : 'en';
}
