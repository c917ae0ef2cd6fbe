import { describe, expect, it } from 'vitest';
import { differences } from './differences';
import { holdOrder } from './holdOrder';
import { parseLabels, writeLabels } from './Labels';
import { isLabel, isReserved, isUserName, suggestName } from './names';

describe('names', () => {
  it('are those that the server accepts', () => {
    expect(['a', 'eu-1', 'x'.repeat(63)].every(isLabel)).toBe(true);
    expect(['', 'A', '-a', 'a-', 'a.b', 'x'.repeat(64)].some(isLabel)).toBe(false);
    expect(isUserName('mei.lin_2')).toBe(true);
    expect(['default', 'kube-x', 'hanse-y'].every(isReserved)).toBe(true);
    expect(isReserved('kubeless')).toBe(false);
  });

  it.each([
    ['admin@eu-1', 'eu-1'],
    ['kubernetes-admin@Prod_EU.example', 'prod-eu-example'],
    ['arn:aws:eks:eu-west-1:1234:cluster/shop', 'shop'],
    ['---', ''],
  ])('are suggested from the context %s', (context, name) => {
    expect(suggestName(context)).toBe(name);
  });
});

describe('labels', () => {
  it('are read as they are written', () => {
    const labels = { region: 'eu', 'hanse.io/tier': 'edge', flag: '' };
    expect(parseLabels(writeLabels(labels))).toEqual(labels);
    expect(parseLabels(' a=b,  c ')).toEqual({ a: 'b', c: '' });
    expect(parseLabels('=b')).toBeUndefined();
    expect(parseLabels('a=b=c')).toBeUndefined();
  });
});

describe('differences', () => {
  it('are told leaf by leaf', () => {
    expect(differences({ a: 1, b: { c: [1, 2] } }, { a: 1, b: { c: [1, 3, 4] }, d: null })).toEqual([
      { path: '/b/c/1', from: 2, to: 3 },
      { path: '/b/c/2', to: 4 },
      { path: '/d', to: null },
    ]);
  });
});

describe('rows under the pointer', () => {
  it('keep their places; new ones come last and gone ones leave', () => {
    const id = (row: { id: string }) => row.id;
    const fresh = ['c', 'new', 'a'].map((name) => ({ id: name }));
    expect(holdOrder(fresh, ['a', 'b', 'c'], id).map(id)).toEqual(['a', 'c', 'new']);
  });
});
