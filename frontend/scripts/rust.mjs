// Reads string literals out of Rust source text, each with the name of the call or macro that it is given to. It knows
// as much of the language as that takes: comments, raw and escaped strings, characters, attributes, test modules.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Source files below a folder, without those of tests. */
export function* rustFiles(folder) {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) {
      if (name !== 'tests') yield* rustFiles(path);
    } else if (name.endsWith('.rs') && name !== 'tests.rs') yield path;
  }
}

const escapes = { n: '\n', t: '\t', r: '\r', 0: '\0' };

/** One literal at `from`, or undefined: its text as the program has it, and where it ends. */
function literalAt(source, from) {
  const raw = /^[bc]?r(#*)"/.exec(source.slice(from, from + 12));
  if (raw && !/\w/.test(source[from - 1] ?? '')) {
    const begin = from + raw[0].length;
    const end = source.indexOf(`"${raw[1]}`, begin);
    return { text: source.slice(begin, end), end: end + 1 + raw[1].length };
  }
  if (source[from] !== '"') return undefined;
  let text = '';
  let at = from + 1;
  while (at < source.length && source[at] !== '"') {
    if (source[at] !== '\\') {
      text += source[at];
      at += 1;
      continue;
    }
    const next = source[at + 1];
    const unicode = /^\\u\{([0-9a-fA-F_]+)\}/.exec(source.slice(at, at + 14));
    if (next === '\n') {
      // A line that ends in a backslash goes on after the indentation of the next.
      at += 2;
      while (/\s/.test(source[at] ?? '')) at += 1;
    } else if (unicode) {
      text += String.fromCodePoint(parseInt(unicode[1], 16));
      at += unicode[0].length;
    } else if (next === 'x') {
      text += String.fromCharCode(parseInt(source.slice(at + 2, at + 4), 16));
      at += 4;
    } else {
      text += escapes[next] ?? next;
      at += 2;
    }
  }
  return { text, end: at + 1 };
}

/** Literals of a source text with their line and what they are given to: a call, `macro!`, or `#[attribute`. */
export function literals(source) {
  const tests = source.search(/#\[cfg\(test\)\]\s*(pub(\(\w+\))? )?mod \w+ \{/);
  const end = tests < 0 ? source.length : tests;
  const found = [];
  const open = [];
  let code = '';
  let at = 0;
  while (at < end) {
    const two = source.slice(at, at + 2);
    if (two === '//') {
      while (at < end && source[at] !== '\n') at += 1;
      continue;
    }
    if (two === '/*') {
      at = source.indexOf('*/', at) + 2;
      continue;
    }
    const literal = literalAt(source, at);
    if (literal) {
      const attribute = open.findLast((one) => one.startsWith('#['));
      found.push({ text: literal.text, at, into: attribute ?? open.findLast((one) => one !== '') ?? '' });
      code += '""';
      at = literal.end;
      continue;
    }
    const character = /^'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'])'/su.exec(source.slice(at, at + 14));
    if (character) {
      code += "''";
      at += character[0].length;
      continue;
    }
    const one = source[at];
    if ('([{'.includes(one)) {
      const before = code.slice(-80);
      const name = one === '{' ? '' : one === '[' && /#!?$/.test(before) ? `#[${/^\w*/.exec(source.slice(at + 1, at + 30))?.[0]}` : (/(\w+!?)(?:::<[^()]*>)?$/.exec(before)?.[1] ?? '');
      open.push(name);
    } else if (')]}'.includes(one)) open.pop();
    code += one;
    at += 1;
  }
  let line = 1;
  let counted = 0;
  for (const one of found) {
    for (; counted < one.at; counted += 1) if (source[counted] === '\n') line += 1;
    one.line = line;
  }
  return found;
}

export const literalsOf = (path) => literals(readFileSync(path, 'utf8'));
