// Takes the build's manifest out of what is served (the size check reads it), then writes .br and .gz beside every text file of the build, so that the server never compresses at run time.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const text = new Set(['.html', '.js', '.css', '.svg', '.json', '.txt']);

function* files(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else yield path;
  }
}

const cache = new URL('../node_modules/.cache/hanse/', import.meta.url).pathname;
mkdirSync(cache, { recursive: true });
renameSync(join(dist, '.vite/manifest.json'), join(cache, 'manifest.json'));
rmSync(join(dist, '.vite'), { recursive: true });

let count = 0;
for (const path of files(dist)) {
  if (!text.has(extname(path))) continue;
  const body = readFileSync(path);
  const packed = [
    ['.br', brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })],
    ['.gz', gzipSync(body, { level: 9 })],
  ];
  for (const [suffix, bytes] of packed) {
    // A packed file that is not smaller would only cost time to unpack.
    if (bytes.length < body.length) writeFileSync(path + suffix, bytes);
    else rmSync(path + suffix, { force: true });
  }
  count += 1;
}
console.log(`compressed ${count} files`);
