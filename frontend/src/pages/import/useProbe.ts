import { useCallback, useEffect, useRef, useState } from 'react';
import { clusters } from '../../api/endpoints';
import type { ProbeReport, ProbeResult } from '../../api/types';

export type Probe = { running: boolean; steps: ProbeResult[]; report: ProbeReport | undefined; error: unknown };
const idle: Probe = { running: false, steps: [], report: undefined, error: undefined };

/** Runs the probe ladder; a new run ends the one before. */
export function useProbe() {
  const [probe, setProbe] = useState<Probe>(idle);
  const abort = useRef<AbortController>(undefined);
  useEffect(() => () => abort.current?.abort(), []);
  const start = useCallback((kubeconfig: string, context: string | undefined) => {
    abort.current?.abort();
    const controller = new AbortController();
    abort.current = controller;
    const mine = (change: (before: Probe) => Probe) => {
      if (abort.current === controller) setProbe(change);
    };
    // The report of the run before stays, so that the choice of contexts does not vanish under the pointer.
    mine((before) => ({ ...idle, running: true, report: context === undefined ? undefined : before.report && { ...before.report, passed: false } }));
    clusters
      .probe({ kubeconfig, context }, (step) => mine((before) => ({ ...before, steps: [...before.steps, step] })), controller.signal)
      .then((report) => mine(() => ({ running: false, steps: report.steps, report, error: undefined })))
      .catch((error: unknown) => {
        if (!controller.signal.aborted) mine((before) => ({ ...before, running: false, error }));
      });
  }, []);
  const show = useCallback((report: ProbeReport) => setProbe({ running: false, steps: report.steps, report, error: undefined }), []);
  return { probe, start, show };
}
