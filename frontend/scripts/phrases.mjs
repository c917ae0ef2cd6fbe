// Which sentences the server can say to somebody at the console. They are read out of its sources, so that a new one
// is noticed the moment it is written.
import { relative } from 'node:path';
import { literalsOf, rustFiles } from './rust.mjs';

const root = new URL('../../', import.meta.url).pathname;

/** Where what the console shows is written. */
const folders = ['types', 'authz', 'federation', 'store', 'fleet', 'tunnel', 'agent', 'server'].map((crate) => `backend/${crate}/src`);

/** What is said there to others: programs at the hub and the gateway, the log, the terminal, the command line. */
const elsewhere = [
  /^backend\/server\/src\/(hub|serve)(\/|\.rs)/,
  /^backend\/server\/src\/(main|config|tls|web|metrics|clock|lib)\.rs$/,
  /^backend\/server\/src\/gateway\/(headers|request|streams)\.rs$/,
  /^backend\/server\/src\/gateway\.rs$/,
  /^backend\/store\/src\/(seal|lock|lib|meta|feed|group|tx|status|sessions|entity|hub)\.rs$/,
  /^backend\/store\/src\/migrate/,
  /^backend\/federation\/src\/simulate/,
  /^backend\/fleet\/src\/reflector/,
  /^backend\/authz\/src\/decision\.rs$/,
  /^backend\/tunnel\/src\/(agent(\/|\.rs)|pki\.rs)/,
  /^backend\/agent\/src\/(?!policy\.rs)/,
];

/** Calls whose text is looked for, logged, counted or run, not said. */
const unsaid = new Set([
  ...['trace!', 'debug!', 'info!', 'warn!', 'error!', 'event!', 'println!', 'eprintln!', 'writeln!'],
  ...['contains', 'starts_with', 'ends_with', 'strip_prefix', 'strip_suffix', 'split', 'find', 'rfind', 'trim_start_matches', 'trim_end_matches'],
  ...['register', 'execute_unprepared', 'from_static', 'corrupt', 'platform', 'again', 'assert!', 'debug_assert!'],
]);

/** Texts with the look of a sentence that nobody reads as one: statements, headers, names of limits, what others say. */
const technical = [
  /^(SELECT|INSERT|UPDATE|DELETE|CREATE|NOTIFY|LISTEN) /,
  /^(Basic|Bearer) /,
  /^(login|account|address|setup|join|password|agent) (\{\w+\}|unknown)$/,
  /^agent of /,
  /; (filename|Path|version|charset)=/,
  /^(hanse-agent join |install hanse and sign in:)/,
  // Causes that stay in the log.
  /^(a handler panicked|the authority of the tunnel was not kept|a password could not be hashed|the policy file$|the (project left|cluster was relabelled))/,
  / is in use by another Hanse process/,
  /^- apiGroups: /,
  /^(proxy authorization required|unexpected end of file|io error establishing tunnel|io error during SOCKS handshake)$/,
];

/** A format string with its holes as they are called in translations: names as they are, the nameless by number. */
export function normal(text) {
  let nameless = 0;
  return text
    .replace(/\{\{|\}\}/g, (two) => (two === '{{' ? '\u0001' : '\u0002'))
    .replace(/\{([\w.]*)(?::[^{}]*)?\}/g, (_whole, name) => `{${name === '' ? nameless++ : name.split('.')[0]}}`)
    .replace(/\u0001/g, '{')
    .replace(/\u0002/g, '}');
}

/** The same whatever its holes are called. */
export const canonical = (sentence) => {
  let hole = 0;
  return sentence.replace(/\{[\w.]+\}/g, () => `{${hole++}}`);
};

/** At least two words, or a word beside a hole. */
const isSentence = (text) => {
  const words = text.replace(/\{[\w.]+\}/g, '\u0001').split(/\s+/);
  const spoken = words.filter((word) => /^[("'`“]*[A-Za-z][A-Za-z'’()-]+[)"'`”,.:;!?]*$/.test(word)).length;
  return spoken > 1 || (spoken === 1 && words.some((word) => word.includes('\u0001')));
};

/** Every sentence with the places where it is written. */
export function serverSentences() {
  const found = new Map();
  for (const folder of folders) {
    for (const path of rustFiles(root + folder)) {
      const file = relative(root, path);
      if (elsewhere.some((one) => one.test(file))) continue;
      for (const { text, line, into } of literalsOf(path)) {
        if (unsaid.has(into) || (into.startsWith('#[') && into !== '#[error')) continue;
        const sentence = normal(text);
        if (!isSentence(sentence) || technical.some((one) => one.test(sentence))) continue;
        found.set(sentence, [...(found.get(sentence) ?? []), `${file}:${line}`]);
      }
    }
  }
  return found;
}
