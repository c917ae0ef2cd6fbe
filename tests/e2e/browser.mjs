// One Chromium for a test file, quiet towards the network, and pages in a given language and colour scheme.
import { chromium } from './deps.mjs';

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: flags });

/**
 * A fresh profile's page. Errors of the page's scripts and requests to anywhere but the given origins are collected in
 * `faults`.
 */
export async function newPage(browser, origins, { scheme = 'light', language = 'en', width = 1360, height = 860 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale: language, colorScheme: scheme, reducedMotion: 'reduce' });
  await context.addInitScript(
    ([chosen, words]) => {
      if (location.protocol === 'about:') return;
      localStorage.setItem('hanse.scheme', chosen);
      localStorage.setItem('hanse.language', words);
    },
    [scheme, language],
  );
  const page = await context.newPage();
  // A busy machine is slow, not wrong.
  page.setDefaultTimeout(60_000);
  const faults = [];
  const allowed = [origins].flat();
  page.on('pageerror', (error) => faults.push(`script: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of \d+/.test(message.text())) faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!/^(data|about):/.test(url) && !allowed.some((origin) => url.startsWith(origin))) faults.push(`third party: ${url}`);
  });
  return { page, faults, close: () => context.close() };
}
