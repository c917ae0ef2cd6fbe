// Text and specification, kept in step: the text is read into a specification, and a change of the specification is
// written into the text where it belongs, so that comments and order of the person's own text stay.
import { isMap, parseDocument, stringify, type Document } from 'yaml';
import type { FederatedSpec, Json, JsonObject } from '../../api/types';

export type Reading =
  | { ok: true; spec: FederatedSpec; text: string }
  | { ok: false; kind: 'syntax' | 'shape'; message: string; line: number };

const style = { lineWidth: 0 } as const;

export function write(spec: FederatedSpec): string {
  return stringify({ spec }, style);
}

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads the text. A plain Kubernetes object is taken as the template, with everything else as it was. */
export function read(text: string, before: FederatedSpec): Reading {
  const document = parseDocument(text, { prettyErrors: true });
  const error = document.errors[0];
  if (error) return { ok: false, kind: 'syntax', message: firstLine(error.message), line: error.linePos?.[0].line ?? 1 };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    return { ok: false, kind: 'syntax', message: cause instanceof Error ? cause.message : String(cause), line: 1 };
  }
  if (!isObject(value)) return { ok: false, kind: 'shape', message: 'spec', line: 1 };
  if (typeof value.kind === 'string' && typeof value.apiVersion === 'string') {
    const spec = { ...before, template: value };
    return { ok: true, spec, text: write(spec) };
  }
  if (!isObject(value.spec)) return { ok: false, kind: 'shape', message: 'spec', line: 1 };
  if (!isObject(value.spec.template)) return { ok: false, kind: 'shape', message: 'spec.template', line: lineOf(document, text) };
  return { ok: true, spec: value.spec as unknown as FederatedSpec, text };
}

/** The parser's sentence without its place, which is told apart. */
const firstLine = (text: string) => (text.split('\n')[0] ?? text).replace(/ at line \d+, column \d+:?$/, '');

function lineOf(document: Document, text: string): number {
  const spec = document.get('spec', true) as { range?: [number, number, number] } | undefined;
  return text.slice(0, spec?.range?.[0] ?? 0).split('\n').length;
}

/** Writes what changed between two specifications into the text of the first. */
export function revise(text: string, before: FederatedSpec, after: FederatedSpec): string {
  const document = parseDocument(text);
  if (document.errors.length > 0 || !isMap(document.contents)) return write(after);
  apply(document, ['spec'], before as unknown as Json, after as unknown as Json);
  return document.toString(style);
}

function apply(document: Document, path: (string | number)[], before: Json | undefined, after: Json | undefined): void {
  if (before === after) return;
  if (after === undefined) {
    document.deleteIn(path);
  } else if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) apply(document, [...path, key], before[key], after[key]);
  } else if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    after.forEach((item, index) => apply(document, [...path, index], before[index], item));
  } else {
    // A bare value goes into the node that is there, which keeps its comment.
    document.setIn(path, typeof after === 'object' ? document.createNode(after) : after);
  }
}
