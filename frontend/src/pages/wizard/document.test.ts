import { describe, expect, it } from 'vitest';
import type { FederatedSpec } from '../../api/types';
import { read, revise, write } from './document';

const spec: FederatedSpec = {
  template: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { x: '1', y: '2' } },
  placement: { clusters: ['eu', 'us'] },
};
const must = (text: string, before = spec) => {
  const reading = read(text, before);
  if (!reading.ok) throw new Error(reading.message);
  return reading;
};

describe('the text of a draft', () => {
  it('reads back as what was written', () => {
    expect(must(write(spec)).spec).toEqual(spec);
  });

  it('keeps comments and order of the person when the form changes a field', () => {
    const text = '# ours\nspec:\n  placement: # where\n    clusters: [eu, us]\n  template:\n    kind: ConfigMap\n    apiVersion: v1\n    metadata: {name: a}\n    data:\n      x: "1" # one\n      y: "2"\n';
    const before = must(text).spec;
    const after = { ...before, template: { ...before.template, data: { x: '9', y: '2' } } };
    const revised = revise(text, before, after);
    expect(revised).toContain('# ours');
    expect(revised).toContain('# where');
    expect(revised).toMatch(/x: "9" # one/);
    expect(must(revised).spec).toEqual(after);
  });

  it('drops what the form removes and adds what it adds', () => {
    const after: FederatedSpec = { template: { ...spec.template, data: { z: '3' } }, placement: { clusterSelector: {} }, overrides: [{ clusters: ['eu'], replicas: 2 }] };
    expect(must(revise(write(spec), spec, after)).spec).toEqual(after);
  });

  it('takes a plain manifest as the template and leaves the placement', () => {
    const reading = must('apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n');
    expect(reading.spec.template.kind).toBe('Secret');
    expect(reading.spec.placement).toEqual(spec.placement);
    expect(reading.text).toContain('placement:');
  });

  it('says the line of a syntax error', () => {
    const reading = read('spec:\n  template: {a: 1\n  b: ]\n', spec);
    expect(reading).toMatchObject({ ok: false, kind: 'syntax' });
    if (!reading.ok) expect(reading.line).toBeGreaterThan(1);
  });

  it('refuses an alias bomb instead of unfolding it', () => {
    const levels = Array.from({ length: 9 }, (_, level) => `l${level + 1}: &l${level + 1} [${Array(9).fill(`*l${level}`).join(', ')}]`);
    const reading = read(['l0: &l0 x', ...levels].join('\n'), spec);
    expect(reading.ok).toBe(false);
  });

  it.each(['', 'just words', '- a\n- b', 'spec: 1', 'spec: {}'])('says what is missing in %j', (text) => {
    expect(read(text, spec)).toMatchObject({ ok: false, kind: 'shape' });
  });
});
