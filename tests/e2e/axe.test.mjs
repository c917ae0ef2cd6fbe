// Accessibility: no violation of any impact, on every page and state, in both languages and both colour schemes.
// No list of exceptions. Also that no page's scripts fail, and that nothing is asked of any other host.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, newPage } from './browser.mjs';
import { axeSource } from './deps.mjs';
import { startMock } from './mock/server.mjs';
import { pages, ready } from './pages.mjs';

const combinations = ['light', 'dark'].flatMap((scheme) => ['en', 'zh-CN'].map((language) => ({ scheme, language })));
const mocks = new Map();
const tabs = [];
let browser;

before(async () => {
  browser = await launch();
  for (const state of new Set(Object.values(pages).map((page) => page.state))) mocks.set(state, await startMock(state, { stepMs: 5 }));
  const origins = [...mocks.values()].map((mock) => mock.url);
  for (const combination of combinations) tabs.push({ ...combination, ...(await newPage(browser, origins, combination)) });
});
after(async () => {
  await browser.close();
  await Promise.all([...mocks.values()].map((mock) => mock.stop()));
});

async function violations(page) {
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.map(({ id, help, nodes }) => {
    const where = nodes.map((node) => `${node.html.slice(0, 200)}\n    ${node.failureSummary?.replace(/\n/g, '\n    ')}`);
    return `${id}: ${help}\n  ${where.join('\n  ')}`;
  });
}

/** Sentences that are still English: names, kinds and what people copy are not sentences. */
const english = (page) =>
  page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.parentElement.closest('.mono, code, pre, textarea, script, style, kbd, .cm-editor, .yaml')) continue;
      const words = node.data.replace(/`[^`]*`|"[^"]*"/g, '');
      if (/(?:[A-Za-z']{2,} ){3,}[A-Za-z]{2,}/.test(words)) found.push(node.data.trim());
    }
    return found;
  });

for (const [name, { state, path, act }] of Object.entries(pages)) {
  test(`${name} has no accessibility violation`, async () => {
    await Promise.all(
      tabs.map(async ({ page, faults, scheme, language }) => {
        faults.length = 0;
        await page.goto('about:blank');
        await page.goto(mocks.get(state).url + path);
        await ready(page);
        await act?.(page);
        const where = `${name} ${scheme} ${language}`;
        assert.deepEqual(await violations(page), [], where);
        if (language !== 'en') assert.deepEqual(await english(page), [], where);
        assert.deepEqual(faults, [], where);
        assert.equal(await page.evaluate(() => document.documentElement.lang), language, where);
      }),
    );
  });
}
