import { useTranslation } from 'react-i18next';
import type { ProbeResult, ProbeStep } from '../../api/types';
import { useSaid } from '../../phrases';
import { useFormat } from '../../ui/format';
import { Failure } from '../../ui/Gate';
import { Said } from '../../ui/Said';
import { Mark } from '../../ui/Mark';
import { probeTone } from '../../ui/State';
import type { Probe } from './useProbe';

const order: ProbeStep[] = ['parse', 'resolve', 'connect', 'tls', 'authentication', 'version', 'permissions', 'identity', 'clock'];

/** The ladder, step by step as the server takes them; a failed step says how to mend it. */
export function Ladder({ probe }: { probe: Probe }) {
  const { t } = useTranslation();
  const taken = new Map(probe.steps.map((step) => [step.step, step]));
  const next = probe.running ? order.find((step) => !taken.has(step)) : undefined;
  return (
    <>
      <ol className="lines ladder" aria-live="polite" aria-busy={probe.running}>
        {order.map((step) => (
          <Step key={step} step={step} result={taken.get(step)} running={step === next} />
        ))}
      </ol>
      {probe.error !== undefined && <Failure error={probe.error} />}
      {probe.report?.passed && <p className="ladder-end">{t('import.passed')}</p>}
    </>
  );
}

function Step({ step, result, running }: { step: ProbeStep; result: ProbeResult | undefined; running: boolean }) {
  const { t } = useTranslation();
  const said = useSaid();
  const format = useFormat();
  const tone = result ? probeTone(result.state) : running ? 'busy' : 'unknown';
  const word = result ? t(`probe.state.${result.state}`) : running ? t('probe.state.running') : t('probe.state.waiting');
  const quiet = !result || result.state === 'skipped';
  return (
    <li className={quiet && !running ? 'muted' : undefined}>
      <Mark tone={tone} />
      <div className="grow">
        <div className="row">
          <span className={quiet ? undefined : 'strong'}>{t(`probe.step.${step}`)}</span>
          <span className="muted">{word}</span>
          {result && result.state !== 'skipped' && <span className="muted num push">{t('cluster.ms', { value: format.number(result.durationMs) })}</span>}
        </div>
        {result?.message && result.state !== 'skipped' && <div className="muted">{said(result.message)}</div>}
        {result?.fix && (
          <div>
            <span className="strong">{t('probe.fix')}</span> <Said text={result.fix} />
          </div>
        )}
      </div>
    </li>
  );
}
