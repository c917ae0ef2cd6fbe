// Fields of a template that people change most, and how any field is addressed.
import type { Json, JsonObject } from '../../api/types';

export type Path = (string | number)[];

export const pointer = (path: Path): string => path.map((key) => `/${String(key).replace(/~/g, '~0').replace(/\//g, '~1')}`).join('');
export const fromPointer = (text: string): string[] =>
  text
    .split('/')
    .slice(1)
    .map((key) => key.replace(/~1/g, '/').replace(/~0/g, '~'));

export function get(value: Json | undefined, path: Path): Json | undefined {
  return path.reduce<Json | undefined>((at, key) => {
    if (Array.isArray(at)) return at[Number(key)];
    return typeof at === 'object' && at !== null ? at[String(key)] : undefined;
  }, value);
}

/** A copy with one field set; what is missing on the way is made. */
export function set(value: Json | undefined, path: Path, next: Json | undefined): Json {
  const [key, ...rest] = path;
  if (key === undefined) return next ?? null;
  if (Array.isArray(value)) return value.map((item, index) => (index === Number(key) ? set(item, rest, next) : item));
  const object: JsonObject = typeof value === 'object' && value !== null ? { ...value } : {};
  if (rest.length === 0 && next === undefined) delete object[String(key)];
  else object[String(key)] = set(object[String(key)], rest, next);
  return object;
}

/** Where a kind keeps its number of pods; undefined for kinds that have none. */
export function replicasPath(template: JsonObject): Path | undefined {
  if (template.kind === 'Job') return ['spec', 'parallelism'];
  const spec = template.spec;
  const has = ['Deployment', 'StatefulSet', 'ReplicaSet'].includes(String(template.kind));
  return has || (typeof spec === 'object' && spec !== null && 'replicas' in spec) ? ['spec', 'replicas'] : undefined;
}

export type Container = { name: string; path: Path };

/** Containers of the pods that a kind makes. */
export function containers(template: JsonObject): Container[] {
  const roots: Path[] = [
    ['spec', 'template', 'spec', 'containers'],
    ['spec', 'jobTemplate', 'spec', 'template', 'spec', 'containers'],
    ...(template.kind === 'Pod' ? [['spec', 'containers']] : []),
  ];
  return roots.flatMap((root) => {
    const list = get(template, root);
    return Array.isArray(list) ? list.map((item, index) => ({ name: String(get(item, ['name']) ?? index), path: [...root, index] })) : [];
  });
}

/** Every leaf of the template as a pointer, for choosing a field to override. */
export function leaves(value: Json | undefined, path: Path = []): string[] {
  if (typeof value === 'object' && value !== null) {
    const entries: [string | number, Json][] = Array.isArray(value) ? value.map((item, index) => [index, item]) : Object.entries(value);
    if (entries.length > 0) return entries.flatMap(([key, child]) => leaves(child, [...path, key]));
  }
  return path.length === 0 ? [] : [pointer(path)];
}

const forced = ['/metadata/name', '/metadata/namespace', '/metadata/generateName', '/kind', '/apiVersion'];
/** Fields that must be the same everywhere. */
export const isForced = (path: string): boolean => forced.includes(path);

/** What somebody typed as a value of the kind that stands in the template. */
export function coerce(text: string, like: Json | undefined): Json {
  if (typeof like === 'string') return text;
  if (typeof like === 'number') return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
