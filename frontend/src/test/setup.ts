import { cleanup } from '@testing-library/react';
import { afterEach, beforeAll, vi } from 'vitest';
import i18next from 'i18next';
import { loadConsoleWords, startWords } from '../i18n';

beforeAll(async () => {
  if (!i18next.isInitialized) {
    await startWords('en');
    await loadConsoleWords();
  }
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});
