// Holds the phrase books to the server's sources: what the server can say at the console is said in every language.
import { readdirSync, readFileSync } from 'node:fs';
import { canonical, serverSentences } from './phrases.mjs';

const folder = new URL('../src/phrases/', import.meta.url).pathname;
const language = 'zh-CN';
/** Words that are no sentences, and what parsers say: not in our sources. */
const others = new Set(['words.json', 'yaml.json']);
const problems = [];
const book = new Map();

const holes = (text) => [...text.matchAll(/\{=?([\w.]+)\}/g)].map(([, name]) => name);
/** A hole at the end of a word is the word's plural; other languages have no use for it. */
const needed = (sentence) => holes(sentence.replace(/(?<=[a-z])\{[\w.]+\}/g, ''));

for (const name of readdirSync(folder + language).sort()) {
  const text = readFileSync(`${folder}${language}/${name}`, 'utf8');
  for (const [sentence, words] of Object.entries(JSON.parse(text))) {
    const same = canonical(sentence);
    if (book.has(same)) problems.push(`${name}: is there twice: ${sentence}`);
    book.set(same, { sentence, words, name });
    if (typeof words !== 'string' || words.trim() === '') problems.push(`${name}: has no translation: ${sentence}`);
    const known = new Set(holes(sentence));
    for (const hole of holes(words)) if (!known.has(hole)) problems.push(`${name}: {${hole}} is no hole of: ${sentence}`);
    const used = new Set(holes(words));
    for (const hole of needed(sentence)) if (!used.has(hole)) problems.push(`${name}: {${hole}} is lost in: ${words}`);
  }
}

const sentences = serverSentences();
const said = new Set([...sentences.keys()].map(canonical));
for (const [sentence, places] of sentences) {
  if (!book.has(canonical(sentence))) {
    problems.push(`${places[0]}: no ${language} for: ${JSON.stringify(sentence)}`);
  }
}
// Said no more, or not yet: no reason to stop, but to look.
const idle = [...book.values()].filter(({ sentence, name }) => !others.has(name) && !said.has(canonical(sentence)));
for (const { sentence, name } of idle) console.warn(`${name}: the server no longer says: ${sentence}`);

if (problems.length > 0) {
  for (const problem of problems) console.error(problem);
  console.error(`${problems.length} to mend: translate in frontend/src/phrases/${language}/, or say in frontend/scripts/phrases.mjs that nobody at the console reads it`);
  process.exit(1);
}
console.log(`${sentences.size} sentences of the server, all in ${language}`);
