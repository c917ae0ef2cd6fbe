import { Button } from '@mantine/core';
import { lazy, Suspense, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { federated } from '../../api/endpoints';
import { useResource } from '../../api/hooks';
import type { FederatedBody, FederatedSpec, Project } from '../../api/types';
import { useClusters } from '../../api/useClusters';
import { useSaid } from '../../phrases';
import { useFailure } from '../../ui/failure';
import { Panel } from '../../ui/Page';
import { Sentence } from '../../ui/Sentence';
import { Overrides } from './Overrides';
import { Placement } from './Placement';
import { Preview } from './Preview';
import { Replicas } from './Replicas';
import { replicasPath } from './fields';
import { Template } from './Template';
import { useDraft } from './useDraft';
import { usePlan } from './usePlan';

const Editor = lazy(() => import('../../ui/editor/Editor'));

type Props = {
  project: Project;
  start: () => FederatedSpec;
  /** Kind and name are settled: an existing object is changed. */
  settled: boolean;
  apply: (body: FederatedBody) => Promise<unknown>;
};

/** One page from template to apply; the form and the text are two views of one draft. */
export function Wizard({ project, start, settled, apply }: Props) {
  const { t } = useTranslation();
  const say = useFailure();
  const said = useSaid();
  const types = useResource({ key: ['types'], read: (options) => federated.types(options) });
  const { known } = useClusters();
  const { draft, setText, update } = useDraft(start);
  const { spec, problem } = draft;
  const plan = usePlan(project.name, spec, problem === undefined);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const words = useMemo(() => {
    if (!problem) return undefined;
    return { line: problem.line, message: problem.kind === 'shape' ? t('wizard.missing', { field: problem.message }) : said(problem.message) };
  }, [problem, said, t]);

  const acting = plan.data?.clusters.filter((one) => ['Create', 'Update', 'Delete', 'Release'].includes(one.action)) ?? [];
  const refused = (plan.data?.fields.length ?? 0) > 0 || plan.error !== null;
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await apply({ spec });
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <>
      <div className="wizard">
        <div className="wizard-form" role="group" inert={problem !== undefined} aria-label={t('wizard.form')}>
          <Template spec={spec} update={update} types={types.data ?? []} settled={settled} />
          <Placement spec={spec} update={update} project={project} known={known} plan={plan.data} />
          {replicasPath(spec.template) && <Replicas spec={spec} update={update} plan={plan.data} />}
          <Overrides spec={spec} update={update} clusters={selected(spec, project, plan.data?.clusters)} />
        </div>
        <section className="wizard-text">
          <Panel title={t('wizard.yaml')} side={<span className="muted">{t('wizard.yamlHint')}</span>} flush>
            <Suspense fallback={<div className="editor-wait">{t('door.loading')}</div>}>
              <Editor label={t('wizard.yaml')} value={draft.text} onChange={setText} problem={words} />
            </Suspense>
          </Panel>
          {words && <Sentence tone="bad">{t('wizard.problem', { line: words.line, message: words.message })}</Sentence>}
        </section>
      </div>
      <Preview plan={plan} stale={!plan.current || problem !== undefined} />
      {error !== undefined && <Sentence tone="bad">{say(error)}</Sentence>}
      <div className="wizard-apply">
        <span className="muted">{problem ? '' : refused ? t('wizard.refused') : t('wizard.willDo', { count: acting.length })}</span>
        <Button loading={busy} disabled={problem !== undefined || !plan.current || refused} onClick={() => void run()}>
          {t('wizard.apply')}
        </Button>
      </div>
    </>
  );
}

/** Clusters that the object goes to: as planned, or as named while the plan is on its way. */
function selected(spec: FederatedSpec, project: Project, planned: { cluster: string; selected: boolean }[] | undefined): string[] {
  if (spec.placement?.clusters) return project.clusters.filter((name) => spec.placement?.clusters?.includes(name));
  return planned?.filter((one) => one.selected).map((one) => one.cluster) ?? [];
}
