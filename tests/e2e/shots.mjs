// Pictures of every page, to be looked at: `node shots.mjs FOLDER [light|dark] [en|zh-CN] [route-part…]`.
import { mkdirSync } from 'node:fs';
import { launch, newPage } from './browser.mjs';
import { startMock } from './mock/server.mjs';
import { pages, ready } from './pages.mjs';

const [folder = 'shots', scheme = 'light', language = 'en', ...only] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const browser = await launch();
for (const [name, { state, path, act }] of Object.entries(pages)) {
  if (only.length > 0 && !only.some((part) => name.includes(part))) continue;
  const mock = await startMock(state);
  const { page, faults, close } = await newPage(browser, mock.url, { scheme, language });
  await page.goto(mock.url + path);
  await ready(page);
  await act?.(page);
  await page.screenshot({ path: `${folder}/${name}-${scheme}-${language}.png` });
  if (faults.length > 0) console.log(name, faults);
  await close();
  await mock.stop();
}
await browser.close();
