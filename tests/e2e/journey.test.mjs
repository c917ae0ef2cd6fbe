// The first five minutes in a browser: from the printed link to an application that counts up in two clusters, in at
// most 12 clicks and without documentation. With HANSE_URL, HANSE_SETUP_TOKEN, KUBECONFIG_A and KUBECONFIG_B against a
// real server and real clusters; without them against the mock, which at least walks the same pages.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { launch, newPage } from './browser.mjs';
import { startMock } from './mock/server.mjs';

const { HANSE_URL, HANSE_SETUP_TOKEN, KUBECONFIG_A, KUBECONFIG_B } = process.env;
const real = HANSE_URL !== undefined;
const MOST_CLICKS = 12;
/** A member's pods may take this long to come up. */
const PATIENCE = 60_000;
const config = (path, name) => (path ? readFileSync(path, 'utf8') : `current-context: admin@${name}\n`);

let browser;
let mock;
let url;
before(async () => {
  browser = await launch();
  if (!real) mock = await startMock('setup');
  url = (HANSE_URL ?? mock.url).replace(/\/$/, '');
});
after(async () => {
  await browser.close();
  await mock?.stop();
});

test('from the printed link to a running application in at most 12 clicks', async () => {
  const { page, faults, close } = await newPage(browser, url);
  let clicks = 0;
  const click = async (locator) => {
    clicks += 1;
    await locator.click();
  };
  const button = (name) => page.getByRole('button', { name, exact: true });
  const link = (name) => page.getByRole('link', { name, exact: true });

  await page.goto(`${url}/setup?token=${HANSE_SETUP_TOKEN ?? 'mock'}`);
  await page.locator('input[type=password]').fill('correct horse battery');
  await page.locator('.sentence.tone-ok').waitFor();
  await click(button('Finish setup'));

  await click(link('Do this now'));
  await page.getByRole('textbox', { name: 'Kubeconfig' }).fill(config(KUBECONFIG_A, 'eu'));
  await page.getByLabel('Name', { exact: true }).fill('eu');
  await click(button('Import'));
  await click(button('Import another'));
  await page.getByRole('textbox', { name: 'Kubeconfig' }).fill(config(KUBECONFIG_B, 'us'));
  await page.getByLabel('Name', { exact: true }).fill('us');
  await click(button('Import'));

  await click(link('Create workspace'));
  await page.getByLabel('Name', { exact: true }).fill('acme');
  await page.getByLabel('Project name').fill('shop');
  const granted = page.getByRole('checkbox', { name: /^(eu|us)$/ }).and(page.locator(':checked'));
  // The list of clusters comes a moment after the form.
  await granted.nth(1).waitFor();
  assert.equal(await granted.count(), 2, 'both clusters are granted without a click');
  await click(button('Create workspace and project'));

  await click(link('Federate an application'));
  await page.locator('.cm-content').waitFor();
  await page.getByLabel('Replicas us').fill('3');
  await page.waitForFunction(() => document.querySelector('[data-sum]')?.textContent === '5');
  assert.match(await page.locator('.cm-content').innerText(), /replicas: 3/, 'the text follows the form');
  await click(button('Apply'));

  const summary = page.locator('[data-summary]');
  await summary.waitFor();
  const seen = new Set();
  const end = Date.now() + PATIENCE;
  while (Date.now() < end) {
    seen.add(await summary.innerText());
    if (seen.has('2/2 clusters ready')) break;
    await page.waitForFunction((last) => document.querySelector('[data-summary]')?.textContent !== last, [...seen].at(-1), { timeout: PATIENCE });
  }
  assert.ok(seen.has('2/2 clusters ready'), `the matrix counts up by itself: ${[...seen].join(', ')}`);
  if (real) {
    assert.equal(await page.locator('tr[data-cluster=eu] [data-ready]').innerText(), '2/2');
    assert.equal(await page.locator('tr[data-cluster=us] [data-ready]').innerText(), '3/3');
  }
  assert.ok(clicks <= MOST_CLICKS, `${clicks} clicks`);
  assert.deepEqual(faults, []);

  // What was set up is there for the next visit, after signing out and in again.
  await page.goto(`${url}/`);
  await page.getByText('Getting started').waitFor({ state: 'detached' });
  await close();
});
