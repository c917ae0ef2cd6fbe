// The first thing loaded: decides between setup, sign-in and the console itself, and loads only that.
import './styles.css';
import { MantineProvider, localStorageColorSchemeManager } from '@mantine/core';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { startWords } from './i18n';
import { preferredLanguage, storedScheme } from './preferences';
import { Root } from './Root';
import { theme, variables } from './theme';

const schemes = localStorageColorSchemeManager({ key: 'hanse.scheme' });
const root = document.getElementById('root');

if (root) {
  void startWords(preferredLanguage()).then(() =>
    createRoot(root).render(
      <StrictMode>
        <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme={storedScheme()} colorSchemeManager={schemes}>
          <Root />
        </MantineProvider>
      </StrictMode>,
    ),
  );
}
