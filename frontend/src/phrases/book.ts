// Says a sentence of the server in another language. Its sentences are patterns with holes; what stood in a hole is
// put into the same hole of the translation, itself translated where it is a sentence. Causes and next steps that the
// server joined are taken apart again. What is in no book stays as it is.

type Phrase = { pattern: RegExp; holes: string[]; words: string; piece: string; open: boolean; weight: number; weak: boolean };

/** Sentences of more parts than this, or longer than a person reads, are taken as they come. */
const DEEPEST = 6;
const LONGEST = 1500;
/** As many as are remembered; tables say the same few again and again. */
const REMEMBERED = 2000;
/** A pattern of fewer letters that begins with a hole would take any sentence for its own. */
const FEW_LETTERS = 15;
/** Holes for names, which are the same in every language even where they look like a word. */
const names = new Set(['name', 'role', 'cluster', 'namespace', 'host', 'address', 'server', 'key', 'field', 'path', 'permission', 'file', 'uid']);
const HOLE = /\{([\w.]+)\}/;

/** Between the parts of a sentence, and what stands there in Chinese. */
const joints: [string, string][] = [
  ['. ', '。'],
  ['; ', '；'],
  [': ', '：'],
  [' · ', ' · '],
];

/** Letters that are still of the sentence as it was. */
const letters = (text: string) => text.replace(/[^A-Za-z]/g, '').length;
const quoted = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const lowered = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
const stopped = (text: string) => text.endsWith('.') && !text.endsWith('..');
const unstopped = (words: string) => words.replace(/。$/, '');
const bare = (text: string) => (stopped(text) ? text.slice(0, -1) : text);

/** What a hole takes: anything, but a name is one word or one quoted. */
const taking = (hole: string, words: string) => (names.has(hole) || words.includes(`{=${hole}}`) ? '("[^"]*"|\\S*?)' : '(.*?)');

function phrase(sentence: string, words: string): Phrase {
  // Every second part is the name of a hole.
  const parts = bare(sentence).split(HOLE);
  const literals = parts.filter((_part, index) => index % 2 === 0);
  literals[0] = lowered(literals[0] ?? '');
  const holes = parts.filter((_part, index) => index % 2 === 1);
  return {
    pattern: new RegExp(`^${literals.map((literal, index) => quoted(literal) + (index < holes.length ? taking(holes[index] ?? '', words) : '')).join('')}$`, 's'),
    holes,
    words,
    piece: literals.reduce((longest, one) => (one.length > longest.length ? one : longest), ''),
    open: literals[0] === '',
    weight: literals.join('').length,
    weak: literals[0] === '' && letters(literals.join('')) < FEW_LETTERS,
  };
}

/** A book from pairs of sentence and translation. A hole `{=name}` of a translation takes its text unchanged. */
export function makeBook(pairs: [string, string][]): (text: string) => string | undefined {
  const plain = new Map<string, string>();
  const phrases: Phrase[] = [];
  for (const [sentence, words] of pairs) {
    if (HOLE.test(sentence)) phrases.push(phrase(sentence, words));
    else plain.set(lowered(bare(sentence)), words);
  }
  phrases.sort((a, b) => b.weight - a.weight);

  const whole = (text: string, depth: number): string | undefined => {
    const low = lowered(text);
    const found = plain.get(low);
    if (found !== undefined) return found;
    let best: { said: string; unsaid: number } | undefined;
    for (const one of phrases) {
      // What begins with a hole begins with somebody's name, whose first letter is not ours to change.
      const given = one.open ? text : low;
      if (!given.includes(one.piece)) continue;
      const match = one.pattern.exec(given);
      if (!match) continue;
      const first = match[1] ?? '';
      if (one.weak && /\s/.test(first) && say(first, depth + 1) === undefined) continue;
      const values = new Map(one.holes.map((hole, index) => [hole, match[index + 1] ?? '']));
      let unsaid = 0;
      const said = one.words.replace(/\{(=?)([\w.]+)\}/g, (_hole, asItIs: string, name: string) => {
        const value = values.get(name) ?? '';
        const inside = asItIs || names.has(name) || value === '' ? undefined : (say(value, depth + 1) ?? say(value.trim(), depth + 1));
        const put = inside ?? value;
        unsaid += letters(put);
        return put;
      });
      // Of patterns that fit, the one that leaves least as it was understands best.
      if (!best || unsaid < best.unsaid) best = { said, unsaid };
    }
    return best?.said;
  };

  // Parts of parts are asked for again and again; each is looked at once.
  const remembered = new Map<string, string | undefined>();

  const say = (text: string, depth = 0): string | undefined => {
    if (text === '' || text.length > LONGEST || depth > DEEPEST) return undefined;
    if (remembered.has(text)) return remembered.get(text);
    if (remembered.size >= REMEMBERED) remembered.clear();
    const found = whole(bare(text), depth);
    const said = found === undefined ? joined(text, depth) : `${unstopped(found)}${stopped(text) ? '。' : ''}`;
    remembered.set(text, said);
    return said;
  };

  /** Two parts of which the first is known, else of which the second is. */
  const joined = (text: string, depth: number): string | undefined => {
    let second: string | undefined;
    for (const [joint, mark] of joints) {
      for (let at = text.indexOf(joint); at >= 0; at = text.indexOf(joint, at + 1)) {
        const [left, right] = [text.slice(0, at), text.slice(at + joint.length)];
        const before = whole(left, depth + 1);
        const after = say(right, depth + 1);
        if (before !== undefined) return `${unstopped(before)}${mark}${after ?? (stopped(right) ? `${bare(right)}。` : right)}`;
        if (after !== undefined) second ??= `${left}${mark}${after}`;
      }
    }
    return second;
  };

  return (text) => say(text);
}
