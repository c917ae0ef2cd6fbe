import { describe, expect, it } from 'vitest';
import en from './en/console';
import enDoor from './en/door.json';
import zh from './zh-CN/console';
import zhDoor from './zh-CN/door.json';

function keys(value: object, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, child]) =>
    typeof child === 'object' ? keys(child as object, `${prefix}${key}.`) : [[`${prefix}${key}`.replace(/_(one|other)$/, ''), String(child)] as [string, string]],
  );
}
const english = keys({ ...enDoor, ...en });
const chinese = keys({ ...zhDoor, ...zh });

describe('the words of the console', () => {
  it('are the same keys in both languages', () => {
    expect(new Set(chinese.map(([key]) => key))).toEqual(new Set(english.map(([key]) => key)));
  });

  it('are nowhere empty', () => {
    expect([...english, ...chinese].filter(([, words]) => words.trim() === '')).toEqual([]);
  });

  it('are Chinese where they are for people', () => {
    const same = new Map(english);
    const untranslated = chinese.filter(([key, words]) => same.get(key) === words && /[A-Za-z]{2,}/.test(words.replace(/{{.*?}}/g, '')));
    // Names that stay as they are in every language.
    expect(untranslated.map(([, words]) => words).sort()).toEqual(['Kubeconfig', 'Kubeconfig', 'YAML']);
  });
});
