// The overrides as a table of field × cluster. Rules for several clusters, by selector, or in ways the table cannot
// show stay as they are; editing a cell of a shared rule takes only that cluster out of it.
import type { Json, JsonObject, Override } from '../../api/types';
import { containers, fromPointer, get, isForced, pointer, replicasPath } from './fields';

/** A row of the table. */
export type Field =
  | { kind: 'replicas'; id: string }
  | { kind: 'image'; id: string; container: string; path: string }
  | { kind: 'path'; id: string; path: string };

export function fieldOf(path: string, template: JsonObject): Field {
  const replicas = replicasPath(template);
  if (replicas && pointer(replicas) === path) return { kind: 'replicas', id: path };
  for (const one of containers(template)) {
    if (pointer([...one.path, 'image']) === path) return { kind: 'image', id: path, container: one.name, path };
  }
  return { kind: 'path', id: path, path };
}

/** Rows worth showing from the start, and those that rules already touch. */
export function rows(template: JsonObject, overrides: Override[], added: string[], divided: boolean): Field[] {
  const paths = new Set<string>();
  const replicas = replicasPath(template);
  if (replicas && !divided) paths.add(pointer(replicas));
  for (const one of containers(template)) paths.add(pointer([...one.path, 'image']));
  for (const one of overrides) {
    if (one.clusterSelector) continue;
    if (one.replicas !== undefined && replicas) paths.add(pointer(replicas));
    for (const patch of one.patches ?? []) if (tabular(patch.op)) paths.add(patch.path);
  }
  added.forEach((path) => paths.add(path));
  return [...paths].filter((path) => !isForced(path)).map((path) => fieldOf(path, template));
}

const tabular = (op: string | undefined) => op === undefined || op === '' || op === 'replace' || op === 'add';

export const templateValue = (template: JsonObject, field: Field): Json | undefined => get(template, fromPointer(field.id));

function read(one: Override, field: Field): Json | undefined {
  const patched = one.patches?.findLast((patch) => patch.path === field.id && tabular(patch.op))?.value;
  if (patched !== undefined) return patched;
  if (field.kind === 'replicas') return one.replicas;
  if (field.kind === 'image') return one.image?.findLast((image) => image.container === field.container || image.container === undefined)?.image;
  return undefined;
}

/** What a cluster gets for a field by rules that name it; undefined = it inherits. */
export function cell(overrides: Override[], cluster: string, field: Field): Json | undefined {
  return overrides
    .filter((one) => one.clusters?.includes(cluster))
    .map((one) => read(one, field))
    .findLast((value) => value !== undefined);
}

/** Rules that the table cannot show: by selector, removals, and other shorthands. */
export function hiddenRules(overrides: Override[]): number {
  return overrides.filter(
    (one) =>
      one.clusterSelector !== undefined ||
      (one.env?.length ?? 0) > 0 ||
      Object.keys(one.labels ?? {}).length > 0 ||
      Object.keys(one.annotations ?? {}).length > 0 ||
      one.image?.some((image) => image.image === undefined) ||
      one.patches?.some((patch) => !tabular(patch.op)),
  ).length;
}

function without(one: Override, field: Field): Override {
  const next: Override = { ...one };
  const patches = one.patches?.filter((patch) => patch.path !== field.id || !tabular(patch.op));
  assign(next, 'patches', patches?.length ? patches : undefined);
  if (field.kind === 'replicas') delete next.replicas;
  if (field.kind === 'image') {
    const images = one.image?.filter((image) => image.container !== field.container || image.image === undefined);
    assign(next, 'image', images?.length ? images : undefined);
  }
  return next;
}

function assign<Key extends keyof Override>(target: Override, key: Key, value: Override[Key] | undefined): void {
  if (value === undefined) delete target[key];
  else target[key] = value;
}

function written(one: Override, field: Field, value: Json): Override {
  if (field.kind === 'replicas' && typeof value === 'number') return { ...one, replicas: value };
  if (field.kind === 'image' && typeof value === 'string') return { ...one, image: [...(one.image ?? []), { container: field.container, image: value }] };
  return { ...one, patches: [...(one.patches ?? []), { op: 'replace', path: field.id, value }] };
}

const isEmpty = (one: Override) => Object.keys(one).every((key) => key === 'clusters' || key === 'clusterSelector');

/** The overrides with one cell set, or cleared so that the cluster inherits. */
export function withCell(overrides: Override[], cluster: string, field: Field, value: Json | undefined): Override[] {
  const next: Override[] = [];
  for (const one of overrides) {
    if (!one.clusters?.includes(cluster) || read(one, field) === undefined) {
      next.push(one);
      continue;
    }
    const others = one.clusters.filter((name) => name !== cluster);
    if (others.length > 0) next.push({ ...one, clusters: others });
    const mine = without({ ...one, clusters: [cluster] }, field);
    if (!isEmpty(mine)) next.push(mine);
  }
  if (value === undefined) return next;
  const own = next.findLastIndex((one) => one.clusters?.length === 1 && one.clusters[0] === cluster && one.clusterSelector === undefined);
  const laterRule = next.findLastIndex((one) => one.clusters?.includes(cluster) === true || one.clusterSelector !== undefined);
  const target = next[own];
  if (target && own >= laterRule) return next.map((one, index) => (index === own ? written(target, field, value) : one));
  return [...next, written({ clusters: [cluster] }, field, value)];
}
