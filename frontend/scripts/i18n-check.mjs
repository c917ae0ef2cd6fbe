// Three facts about the console's words: both languages have the same keys with no empty value, every key is used
// and every key used exists, and no text for people is written in JSX.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

const src = new URL('../src/', import.meta.url).pathname;
const problems = [];

function* walk(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* walk(path);
    else yield path;
  }
}

function flatten(value, prefix, into) {
  for (const [key, child] of Object.entries(value)) {
    const path = prefix ? `${prefix}.${key}` : key;
    if (child && typeof child === 'object') flatten(child, path, into);
    else into.set(path, child);
  }
  return into;
}

function load(language) {
  const keys = new Map();
  for (const path of walk(join(src, 'i18n', language))) {
    if (!path.endsWith('.json')) continue;
    flatten(JSON.parse(readFileSync(path, 'utf8')), '', keys);
  }
  return keys;
}

// Chinese has one plural form, so parity is over keys without their plural endings.
const base = (key) => key.replace(/_(zero|one|two|few|many|other)$/, '');
const en = load('en');
const zh = load('zh-CN');
const bases = { en: new Set([...en.keys()].map(base)), zh: new Set([...zh.keys()].map(base)) };
for (const key of bases.en) if (!bases.zh.has(key)) problems.push(`zh-CN lacks ${key}`);
for (const key of bases.zh) if (!bases.en.has(key)) problems.push(`en lacks ${key}`);
const holes = (text) => [...new Set([...text.matchAll(/{{\s*(\w+)/g)].map((match) => match[1]))].sort().join();
for (const [language, keys] of [['en', en], ['zh-CN', zh]]) {
  for (const [key, text] of keys) {
    if (typeof text !== 'string' || text.trim() === '') problems.push(`${language} ${key} is empty`);
  }
}
for (const [key, text] of zh) {
  const other = en.get(key) ?? en.get(`${base(key)}_other`);
  if (other !== undefined && holes(other) !== holes(text)) problems.push(`${key}: values inserted differ: ${holes(other)} / ${holes(text)}`);
}

const spoken = new Set(['title', 'label', 'placeholder', 'alt', 'description', 'aria-label', 'aria-description', 'nothingFoundMessage', 'error', 'hint', 'cause', 'next']);
const letters = /\p{L}{2,}/u;
const used = new Set();
const dynamic = [];

for (const path of walk(src)) {
  if (!/\.tsx?$/.test(path) || /\.test\.tsx?$/.test(path) || path.includes('/test/') || path.endsWith('.d.ts')) continue;
  const text = readFileSync(path, 'utf8');
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
  const at = (node) => `${relative(src, path)}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
  const visit = (node) => {
    if (ts.isJsxText(node) && letters.test(node.text)) problems.push(`${at(node)}: text in JSX: ${node.text.trim()}`);
    if (ts.isJsxAttribute(node) && node.initializer && ts.isStringLiteral(node.initializer) && spoken.has(node.name.getText()) && letters.test(node.initializer.text)) {
      problems.push(`${at(node)}: text in attribute ${node.name.getText()}: ${node.initializer.text}`);
    }
    if (ts.isJsxExpression(node) && node.expression && ts.isJsxElement(node.parent) && ts.isStringLiteral(node.expression) && letters.test(node.expression.text)) {
      problems.push(`${at(node)}: text in JSX: ${node.expression.text}`);
    }
    if (ts.isStringLiteralLike(node)) used.add(node.text);
    if (ts.isTemplateExpression(node) && node.head.text.includes('.')) dynamic.push(node.head.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
}
for (const key of bases.en) {
  if (!used.has(key) && !dynamic.some((head) => key.startsWith(head))) problems.push(`key is used nowhere: ${key}`);
}

if (problems.length > 0) {
  for (const problem of problems) console.error(problem);
  process.exit(1);
}
console.log(`${bases.en.size} keys in both languages, no text in JSX`);
