import { Link, type LinkProps } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { session } from '../api/endpoints';
import { useResource } from '../api/hooks';
import { may } from '../api/permissions';
import { useAccess, useCan } from '../api/session';
import type { Attention, Overview } from '../api/types';
import { useSaid } from '../phrases';
import { Gate } from '../ui/Gate';
import { Mark } from '../ui/Mark';
import { Page, Panel } from '../ui/Page';
import { PhaseState } from '../ui/State';
import { attentionLink, checklistLinks } from './homeLinks';

export default function Home() {
  const { t } = useTranslation();
  const can = useCan();
  const access = useAccess().data;
  // Nought would be a lie to those who may not see any.
  const seesClusters = can.platform(may.seeClusters) || (access?.clusters.length ?? 0) > 0;
  const overview = useResource({ key: ['overview'], topic: 'overview', read: session.overview });
  return (
    <Page title={t('home.title')}>
      <Gate query={overview}>
        {(data) => (
          <>
            {data.checklist.some((step) => !step.done) && <Checklist overview={data} />}
            <Panel title={t('home.attention')} flush>
              {data.attention.length === 0 ? (
                <div className="nothing">
                  <span className="row">
                    <Mark tone="ok" />
                    {t('home.calm')}
                  </span>
                </div>
              ) : (
                <ul className="lines">
                  {data.attention.map((one) => (
                    <AttentionLine key={one.path} one={one} />
                  ))}
                </ul>
              )}
            </Panel>
            <div className="home-counts">
              {seesClusters && <Counts title={t('home.clusters')} phases={data.clusters} link={{ to: '/clusters' }} />}
              <Counts title={t('home.objects')} phases={data.federatedObjects} />
              <Counts title={t('home.workspaces')} total={data.workspaces} link={{ to: '/workspaces' }} />
              <Counts title={t('home.projects')} total={data.projects} />
            </div>
          </>
        )}
      </Gate>
    </Page>
  );
}

function Checklist({ overview }: { overview: Overview }) {
  const { t } = useTranslation();
  const links = checklistLinks(useAccess().data);
  const next = overview.checklist.find((step) => !step.done)?.step;
  const done = overview.checklist.filter((step) => step.done).length;
  return (
    <Panel title={t('home.start')} side={<span className="muted num">{t('home.startDone', { done, count: overview.checklist.length })}</span>} flush>
      <ol className="lines">
        {overview.checklist.map(({ step, done: finished }) => (
          <li key={step} className={finished ? 'muted' : undefined}>
            <Mark tone={finished ? 'ok' : 'unknown'} />
            <span className="hidden-words">{finished ? t('home.stepDone') : t('home.stepOpen')}</span>
            <span className={step === next ? 'strong' : undefined}>{t(`home.steps.${step as 'cluster'}`)}</span>
            {step === next && links[step] && (
              <Link {...links[step]} className="go">
                {t('home.stepGo')}
              </Link>
            )}
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function AttentionLine({ one }: { one: Attention }) {
  const said = useSaid();
  const link = attentionLink(one, useAccess().data);
  return (
    <li>
      <PhaseState phase={one.phase} />
      {link ? (
        <Link {...link} className="mono">
          {one.name}
        </Link>
      ) : (
        <span className="mono">{one.name}</span>
      )}
      <span className="grow">{said(one.message)}</span>
    </li>
  );
}

type CountsProps = { title: string; total?: number; phases?: Record<string, number>; link?: LinkProps };

function Counts({ title, total, phases, link }: CountsProps) {
  const shown = Object.entries(phases ?? {}).filter(([, count]) => count > 0);
  const sum = total ?? shown.reduce((before, [, count]) => before + count, 0);
  return (
    <section className="panel counts">
      <h2>{link ? <Link {...link}>{title}</Link> : title}</h2>
      <div className="count-total num">{sum}</div>
      {shown.map(([phase, count]) => (
        <div key={phase} className="row num">
          <PhaseState phase={phase as 'Ready'} />
          <span className="muted">{count}</span>
        </div>
      ))}
    </section>
  );
}
