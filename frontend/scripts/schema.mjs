// Types from the server's OpenAPI document. Operations are written where they belong, not under their ids, because
// pages name paths and never operations.
import { readFileSync } from 'node:fs';
import openapi, { astToString } from 'openapi-typescript';

const root = new URL('../', import.meta.url);
export const target = new URL('src/api/schema.d.ts', root);

export async function schema(source = new URL('openapi.json', root)) {
  const document = JSON.parse(readFileSync(source, 'utf8'));
  for (const path of Object.values(document.paths)) for (const operation of Object.values(path)) delete operation.operationId;
  return `// Generated from openapi.json by \`npm run api\`. Do not edit.\n\n${astToString(await openapi(document))}`;
}
