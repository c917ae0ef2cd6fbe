// What the console promises beyond its looks: it comes back after a cut, long tables stay light, it works below a
// path, and the first path works without a mouse.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, newPage } from './browser.mjs';
import { cluster } from './mock/data.mjs';
import { startMock } from './mock/server.mjs';
import { ready } from './pages.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

async function visit(state, path, run, options = {}) {
  const mock = await startMock(state, options);
  const tab = await newPage(browser, new URL(mock.url).origin);
  try {
    await tab.page.goto(mock.url + path);
    await ready(tab.page);
    await run(tab.page, mock, tab);
    assert.deepEqual(tab.faults.filter((fault) => !/WebSocket/.test(fault)), []);
  } finally {
    await tab.close();
    await mock.stop();
  }
}

test('a cut connection is shown and comes back by itself', () =>
  visit('loaded', '/clusters', async (page, mock) => {
    const state = page.locator('.live-dot');
    await state.getByText('Live', { exact: true }).waitFor();
    mock.cut();
    await state.getByText(/Reconnecting|Connecting/).waitFor();
    await state.getByText('Live', { exact: true }).waitFor();
    await state.click();
    await state.getByText('Paused').waitFor();
    await state.click();
    await state.getByText('Live', { exact: true }).waitFor();
  }));

test('what changes elsewhere appears without a reload', () =>
  visit('loaded', '/clusters', async (page, mock) => {
    await page.locator('.live-dot').getByText('Live', { exact: true }).waitFor();
    await fetch(`${mock.url}/api/v1/clusters`, { method: 'POST', body: JSON.stringify({ name: 'brand-new', labels: {} }) });
    await page.getByRole('link', { name: 'brand-new' }).waitFor();
  }));

test('ten thousand rows keep at most 60 row nodes in the document', async () => {
  const mock = await startMock('empty');
  mock.state.clusters = Array.from({ length: 10_000 }, (_, index) => cluster(`c-${String(index).padStart(5, '0')}`));
  const tab = await newPage(browser, mock.url);
  try {
    await tab.page.goto(`${mock.url}/clusters`);
    await tab.page.getByRole('link', { name: 'c-00000' }).waitFor();
    const rows = () => tab.page.locator('tbody tr').count();
    assert.ok((await rows()) <= 60, `${await rows()} rows at the top`);
    await tab.page.locator('.table-scroll').evaluate((node) => node.scrollTo(0, node.scrollHeight));
    await tab.page.getByRole('link', { name: 'c-09999' }).waitFor();
    assert.ok((await rows()) <= 60, `${await rows()} rows at the bottom`);
    assert.deepEqual(tab.faults, []);
  } finally {
    await tab.close();
    await mock.stop();
  }
});

test('the console works below a path', () =>
  visit(
    'loaded',
    '/w/acme/p/shop/apps',
    async (page, mock) => {
      await page.getByRole('link', { name: 'web', exact: true }).click();
      await page.locator('[data-summary]').waitFor();
      assert.equal(page.url(), `${mock.url}/w/acme/p/shop/fed/deployments.apps/web/status`);
      await page.locator('.live-dot').getByText('Live', { exact: true }).waitFor();
    },
    { base: '/tools/hanse' },
  ));

test('form and text of the wizard stay in step both ways', () =>
  visit('loaded', '/w/acme/p/shop/fed/new', async (page) => {
    const text = page.locator('.cm-content');
    await text.waitFor();
    await page.getByLabel('Name', { exact: true }).fill('web-2');
    await page.waitForFunction(() => /name: web-2/.test(document.querySelector('.cm-content')?.textContent ?? ''));
    await text.click();
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText('apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: pasted\ndata:\n  a: b\n');
    await page.waitForFunction(() => document.querySelector('.wizard-form input')?.value === 'pasted');
    assert.equal(await page.locator('.wizard-form select').inputValue(), 'configmaps');
    assert.match(await text.innerText(), /placement:/, 'a pasted manifest becomes the template, the placement stays');
  }));

test('a person signs in and reaches a cluster with the keyboard alone', async () => {
  const mock = await startMock('door');
  const { page, faults, close } = await newPage(browser, mock.url);
  try {
    await page.goto(`${mock.url}/clusters`);
    await page.getByLabel('User name').waitFor();
    await page.keyboard.type('admin');
    await page.keyboard.press('Tab');
    await page.keyboard.type('correct horse');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'eu-1' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('eu-2');
    await page.getByRole('link', { name: 'eu-1' }).waitFor({ state: 'detached' });
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Frankfurt' }).waitFor();
    assert.deepEqual(faults, []);
  } finally {
    await close();
    await mock.stop();
  }
});

test('at 200 % zoom nothing needs sideways scrolling of the page', () =>
  visit('loaded', '/w/acme/p/shop/fed/deployments.apps/web/status', async (page) => {
    await page.setViewportSize({ width: 640, height: 720 });
    const [page_, window_] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(page_ <= window_, `${page_} px wide in a window of ${window_}`);
  }));
