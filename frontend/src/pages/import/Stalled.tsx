import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { JoinInstructions } from '../../api/types';
import { Copy } from '../../ui/Copy';
import { Sentence } from '../../ui/Sentence';

/** So long an agent may be silent before something is probably wrong. */
const PATIENCE_MS = 60_000;

export type Stage = 'contact' | 'tunnel';

/** The likely causes when nothing is heard of an agent for a while, with exactly what it dials. */
export function Stalled({ stage, join }: { stage: Stage; join: JoinInstructions }) {
  const { t } = useTranslation();
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!late) return null;
  const dialled = stage === 'contact' ? join.url : join.tunnelAddress;
  const probe = stage === 'contact' ? `curl -kv ${join.url.replace(/\/$/, '')}/healthz` : `curl -kv https://${join.tunnelAddress}`;
  const causes =
    stage === 'contact'
      ? [...(leadsToItself(join.url) ? [t('agent.cause.loopback')] : []), t('agent.cause.notRun'), t('agent.cause.way'), t('agent.cause.url')]
      : [...(leadsToItself(`https://${join.tunnelAddress}`) ? [t('agent.cause.loopback')] : []), t('agent.cause.port'), t('agent.cause.tls'), t('agent.cause.log')];
  return (
    <Sentence tone="warn">
      <p className="strong">{t(`agent.stalled.${stage}`)}</p>
      <p>
        {t('agent.dialled')} <span className="mono">{dialled}</span>
      </p>
      <ul className="plain-list">
        {causes.map((cause) => (
          <li key={cause}>{cause}</li>
        ))}
      </ul>
      <p className="row">
        {t('agent.tryThere')} <span className="mono">{probe}</span> <Copy text={probe} what={t('agent.tryThere')} />
      </p>
    </Sentence>
  );
}

/** Whether the address means another machine to each that uses it. */
function leadsToItself(url: string): boolean {
  try {
    return /^(localhost|127\.|\[::1\]|0\.0\.0\.0)/.test(new URL(url).hostname);
  } catch {
    return false;
  }
}
