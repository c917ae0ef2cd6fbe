// Writes src/api/schema.d.ts from openapi.json; with --check only says whether it is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { schema, target } from './schema.mjs';

const wanted = await schema();
if (!process.argv.includes('--check')) {
  writeFileSync(target, wanted);
} else if (readFileSync(target, 'utf8') !== wanted) {
  console.error('src/api/schema.d.ts is stale: run npm run api');
  process.exit(1);
} else {
  console.log('src/api/schema.d.ts matches openapi.json');
}
