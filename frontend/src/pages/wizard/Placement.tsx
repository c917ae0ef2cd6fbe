import { SegmentedControl, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Cluster, FederatedSpec, Plan, Project } from '../../api/types';
import { ClusterPicks } from '../../ui/ClusterPicks';
import { parseLabels, writeLabels } from '../../ui/Labels';
import { Panel } from '../../ui/Page';
import { Sentence } from '../../ui/Sentence';
import type { Update } from './useDraft';

type Props = { spec: FederatedSpec; update: Update; project: Project; known: Cluster[]; plan: Plan | undefined };

/** Where it goes: named clusters, or every cluster whose labels match. */
export function Placement({ spec, update, project, known, plan }: Props) {
  const { t } = useTranslation();
  const { clusters, clusterSelector } = spec.placement ?? {};
  const byLabels = clusters === undefined && clusterSelector !== undefined;
  const unknown = clusters?.filter((name) => !project.clusters.includes(name)) ?? [];
  const choose = (way: string) =>
    update((before) => ({ ...before, placement: way === 'labels' ? { clusterSelector: before.placement?.clusterSelector ?? {} } : { clusters: clusters ?? project.clusters } }));
  return (
    <Panel
      title={t('wizard.placement')}
      side={
        <SegmentedControl
          aria-label={t('wizard.placement')}
          data={[
            { value: 'picks', label: t('wizard.byName') },
            { value: 'labels', label: t('wizard.byLabels') },
          ]}
          value={byLabels ? 'labels' : 'picks'}
          onChange={choose}
        />
      }
    >
      {byLabels ? (
        <Selector spec={spec} update={update} plan={plan} />
      ) : (
        <div className="stack-tight">
          <ClusterPicks
            label={t('wizard.clusters')}
            names={project.clusters}
            known={known}
            picked={clusters ?? []}
            onChange={(picked) => update((before) => ({ ...before, placement: { clusters: [...picked, ...unknown] } }))}
          />
          {unknown.length > 0 && <Sentence tone="warn">{t('wizard.unknownClusters', { names: unknown.join(', ') })}</Sentence>}
          {(clusters ?? []).length === 0 && <Sentence tone="note">{t('wizard.nowhere')}</Sentence>}
        </div>
      )}
    </Panel>
  );
}

function Selector({ spec, update, plan }: Pick<Props, 'spec' | 'update' | 'plan'>) {
  const { t } = useTranslation();
  const selector = spec.placement?.clusterSelector ?? {};
  const [text, setText] = useState(() => writeLabels(selector.matchLabels ?? {}));
  const wrong = parseLabels(text) === undefined;
  const matching = plan?.clusters.filter((one) => one.selected).map((one) => one.cluster) ?? [];
  const write = (next: string) => {
    setText(next);
    const labels = parseLabels(next);
    if (!labels) return;
    update((before) => {
      const { matchLabels: _old, ...rest } = before.placement?.clusterSelector ?? {};
      return { ...before, placement: { clusterSelector: Object.keys(labels).length > 0 ? { ...rest, matchLabels: labels } : rest } };
    });
  };
  return (
    <div className="stack-tight">
      <TextInput
        label={t('wizard.selector')}
        description={t('wizard.selectorHint')}
        className="mono-input"
        spellCheck={false}
        value={text}
        error={wrong ? t('cluster.labelsBad') : undefined}
        onChange={(event) => write(event.currentTarget.value)}
      />
      {(selector.matchExpressions?.length ?? 0) > 0 && <p className="muted">{t('wizard.expressions', { count: selector.matchExpressions?.length ?? 0 })}</p>}
      <p>
        <span className="muted">{t('wizard.matching')}</span> <span className="mono">{matching.join(', ') || '–'}</span>
      </p>
    </div>
  );
}
