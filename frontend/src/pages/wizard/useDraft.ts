import { useCallback, useState } from 'react';
import type { FederatedSpec } from '../../api/types';
import { read, revise, write, type Reading } from './document';

export type Draft = {
  spec: FederatedSpec;
  text: string;
  /** Why the text cannot be used as it stands; the form waits meanwhile. */
  problem: Extract<Reading, { ok: false }> | undefined;
};

/** One draft, two ways to change it. */
export function useDraft(start: () => FederatedSpec) {
  const [draft, setDraft] = useState<Draft>(() => {
    const spec = start();
    return { spec, text: write(spec), problem: undefined };
  });
  const setText = useCallback((text: string) => {
    setDraft((before) => {
      const reading = read(text, before.spec);
      return reading.ok ? { spec: reading.spec, text: reading.text, problem: undefined } : { ...before, text, problem: reading };
    });
  }, []);
  const update = useCallback((change: (spec: FederatedSpec) => FederatedSpec) => {
    setDraft((before) => {
      if (before.problem) return before;
      const spec = change(before.spec);
      return { spec, text: revise(before.text, before.spec, spec), problem: undefined };
    });
  }, []);
  return { draft, setText, update };
}

export type Update = ReturnType<typeof useDraft>['update'];
