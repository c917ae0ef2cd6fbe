import { describe, expect, it } from 'vitest';
import type { Override } from '../../api/types';
import { coerce, leaves, replicasPath, set } from './fields';
import { cell, fieldOf, hiddenRules, rows, templateValue, withCell } from './overrides';
import { sample } from './templates';

const replicas = fieldOf('/spec/replicas', sample);
const image = fieldOf('/spec/template/spec/containers/0/image', sample);
const label = fieldOf('/metadata/labels/app', sample);

describe('the table of overrides', () => {
  it('names rows by what they mean', () => {
    expect([replicas.kind, image.kind, label.kind]).toEqual(['replicas', 'image', 'path']);
    expect(templateValue(sample, image)).toBe('nginx:1.29-alpine');
  });

  it('writes each field in its shortest form', () => {
    let rules = withCell([], 'us', replicas, 5);
    rules = withCell(rules, 'us', image, 'nginx:2');
    rules = withCell(rules, 'us', label, 'x');
    expect(rules).toEqual([
      { clusters: ['us'], replicas: 5, image: [{ container: 'main', image: 'nginx:2' }], patches: [{ op: 'replace', path: '/metadata/labels/app', value: 'x' }] },
    ]);
  });

  it('inherits again when a cell is cleared, and drops the rule with its last field', () => {
    expect(withCell(withCell([], 'us', replicas, 5), 'us', replicas, undefined)).toEqual([]);
  });

  it('takes only its cluster out of a shared rule', () => {
    const shared: Override[] = [{ clusters: ['eu', 'us'], replicas: 3, patches: [{ path: '/metadata/labels/app', value: 'y' }] }];
    const rules = withCell(shared, 'us', replicas, 7);
    expect(['eu', 'us'].map((name) => cell(rules, name, replicas))).toEqual([3, 7]);
    expect(['eu', 'us'].map((name) => cell(rules, name, label))).toEqual(['y', 'y']);
  });

  it('reads the last rule that names the cluster', () => {
    const rules: Override[] = [{ clusters: ['eu'], replicas: 1 }, { clusters: ['eu'], patches: [{ path: '/spec/replicas', value: 9 }] }];
    expect(cell(rules, 'eu', replicas)).toBe(9);
    expect(cell(withCell(rules, 'eu', replicas, undefined), 'eu', replicas)).toBeUndefined();
  });

  it('leaves rules by selector alone and writes behind them, so that the cell wins', () => {
    const bySelector: Override = { clusterSelector: { matchLabels: { tier: 'edge' } }, replicas: 1 };
    const rules = withCell([{ clusters: ['eu'], replicas: 2 }, bySelector], 'eu', replicas, 4);
    expect(rules[0]).toEqual(bySelector);
    expect(rules.at(-1)).toEqual({ clusters: ['eu'], replicas: 4 });
    expect(hiddenRules(rules)).toBe(1);
  });

  it('shows rows for images and replicas, for rules that are there, and never for forced fields', () => {
    const rules: Override[] = [{ clusters: ['eu'], patches: [{ path: '/spec/paused', value: true }, { path: '/metadata/name', value: 'no' }] }];
    const ids = rows(sample, rules, ['/metadata/labels/app'], false).map((field) => field.id);
    expect(ids).toEqual(['/spec/replicas', '/spec/template/spec/containers/0/image', '/spec/paused', '/metadata/labels/app']);
    expect(rows(sample, [], [], true).map((field) => field.kind)).toEqual(['image']);
  });
});

describe('fields', () => {
  it('keep the kind of value that stands in the template', () => {
    expect([coerce('3', 1), coerce('3', 'x'), coerce('true', false), coerce('abc', 1), coerce('{"a":1}', undefined)]).toEqual([3, '3', true, 'abc', { a: 1 }]);
  });

  it('are set without touching what was there', () => {
    const before = { a: { b: [1, 2] } };
    expect(set(before, ['a', 'b', 1], 9)).toEqual({ a: { b: [1, 9] } });
    expect(set(before, ['a', 'c'], 1)).toEqual({ a: { b: [1, 2], c: 1 } });
    expect(set(before, ['a', 'b'], undefined)).toEqual({ a: {} });
    expect(before).toEqual({ a: { b: [1, 2] } });
  });

  it('are listed as JSON pointers', () => {
    expect(leaves({ a: { 'b/c': [1, { 'd~e': 2 }] }, f: {} })).toEqual(['/a/b~1c/0', '/a/b~1c/1/d~0e', '/f']);
  });

  it('know where a kind keeps its number of pods', () => {
    expect(replicasPath({ kind: 'Job' })).toEqual(['spec', 'parallelism']);
    expect(replicasPath({ kind: 'Rollout', spec: { replicas: 1 } })).toEqual(['spec', 'replicas']);
    expect(replicasPath({ kind: 'ConfigMap' })).toBeUndefined();
  });
});
