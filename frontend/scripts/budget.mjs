// Holds the build to its size budgets (gzip): what sign-in loads, what the shell adds up to, each route, the CSS.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const KB = 1024;
const budget = { login: 120, shell: 230, css: 45, route: 60, phrases: 60 };
const dist = new URL('../dist/', import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(new URL('../node_modules/.cache/hanse/manifest.json', import.meta.url), 'utf8'));
const lazyParts = [/\/ui\/editor/];

const size = (file) => gzipSync(readFileSync(dist + file), { level: 9 }).length / KB;

/** Every chunk that is loaded together with these entries. */
function closure(keys, seen = new Set()) {
  for (const key of keys) {
    if (seen.has(key)) continue;
    seen.add(key);
    closure(manifest[key].imports ?? [], seen);
  }
  return seen;
}
const total = (keys) => [...keys].reduce((sum, key) => sum + size(manifest[key].file), 0);

function find(part) {
  const key = Object.keys(manifest).find((name) => name.includes(part));
  if (!key) throw new Error(`the build has no chunk for ${part}`);
  return key;
}

const failures = [];
function check(what, kb, limit) {
  const ok = kb <= limit;
  console.log(`${ok ? 'ok  ' : 'OVER'} ${what.padEnd(44)} ${kb.toFixed(1).padStart(7)} KB of ${limit} KB`);
  if (!ok) failures.push(what);
}

const doorWords = find('i18n/en/door.json');
check('sign-in, JavaScript', total(closure([find('index.html'), find('door/Door.tsx'), doorWords])), budget.login);
check('setup, JavaScript', total(closure([find('index.html'), find('door/Setup.tsx'), doorWords])), budget.login);
const shell = closure([find('index.html'), find('shell/App.tsx'), doorWords, find('i18n/en/console.ts')]);
check('shell, JavaScript', total(shell), budget.shell);

// Loaded beside the page where a language other than English is spoken; nobody waits for it.
check('phrases of the server, zh-CN', size(manifest[find('phrases/zh-CN.ts')].file), budget.phrases);

const css = new Set(Object.values(manifest).flatMap((chunk) => chunk.css ?? []));
check('all CSS', [...css].reduce((sum, file) => sum + size(file), 0), budget.css);

for (const [key, chunk] of Object.entries(manifest)) {
  if (!chunk.isDynamicEntry || !key.includes('src/pages/')) continue;
  const own = [...closure([key])].filter((part) => !shell.has(part) && !lazyParts.some((lazy) => lazy.test(part)));
  check(`route ${key.replace('src/pages/', '')}`, total(own), budget.route);
}
if (failures.length > 0) {
  console.error(`over budget: ${failures.join(', ')}`);
  process.exit(1);
}
