import { NumberInput, SegmentedControl } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { FederatedSpec, Plan, Preference } from '../../api/types';
import { Panel } from '../../ui/Page';
import { get, replicasPath } from './fields';
import type { Update } from './useDraft';

type Props = { spec: FederatedSpec; update: Update; plan: Plan | undefined };
const parts = ['weight', 'minReplicas', 'maxReplicas'] as const;

/** The same number everywhere or a total that is divided, with what each cluster gets of it, as the server says. */
export function Replicas({ spec, update, plan }: Props) {
  const { t } = useTranslation();
  const divided = spec.replicas?.mode === 'Divided';
  const path = replicasPath(spec.template);
  const each = Number((path && get(spec.template, path)) ?? 1);
  const placed = plan?.clusters.filter((one) => one.selected) ?? [];
  const sum = placed.reduce((total, one) => total + (one.replicas ?? 0) + (one.overflow ?? 0), 0);
  const choose = (mode: string) =>
    update(({ replicas, ...rest }) =>
      mode === 'Divided' ? { ...rest, replicas: { ...replicas, mode: 'Divided', total: replicas?.total ?? Math.max(1, each * placed.length) } } : rest,
    );
  const setPart = (cluster: string, part: keyof Preference, value: number | undefined) =>
    update((before) => {
      const all: Record<string, Preference> = { '*': { weight: 1 }, ...before.replicas?.clusters };
      const { [part]: _old, ...rest } = all[cluster] ?? { weight: 1 };
      const own: Preference = value === undefined ? rest : { ...rest, [part]: value };
      return { ...before, replicas: { ...before.replicas, mode: 'Divided', clusters: { ...all, [cluster]: own } } };
    });
  return (
    <Panel
      title={t('wizard.replicas')}
      side={
        <SegmentedControl
          aria-label={t('wizard.replicas')}
          data={[
            { value: 'Duplicated', label: t('wizard.duplicated') },
            { value: 'Divided', label: t('wizard.divided') },
          ]}
          value={divided ? 'Divided' : 'Duplicated'}
          onChange={choose}
        />
      }
    >
      <div className="stack-tight">
        {divided && (
          <NumberInput
            label={t('wizard.total')}
            w={160}
            min={0}
            allowDecimal={false}
            value={spec.replicas?.total ?? each}
            onChange={(value) => typeof value === 'number' && update((before) => ({ ...before, replicas: { ...before.replicas, mode: 'Divided', total: value } }))}
          />
        )}
        <div className="table-scroll boxed" tabIndex={0} role="region" aria-label={t('wizard.replicas')}>
          <table className="grid">
            <thead>
              <tr>
                <th scope="col">{t('matrix.cluster')}</th>
                {divided && parts.map((part) => <th key={part} scope="col">{t(`wizard.${part}`)}</th>)}
                <th scope="col" className="right">
                  {t('wizard.result')}
                </th>
              </tr>
            </thead>
            <tbody>
              {placed.map((one) => (
                <tr key={one.cluster}>
                  <th scope="row" className="mono">
                    {one.cluster}
                  </th>
                  {divided &&
                    parts.map((part) => (
                      <td key={part}>
                        <NumberInput
                          w={76}
                          min={0}
                          allowDecimal={false}
                          hideControls
                          aria-label={`${t(`wizard.${part}`)} ${one.cluster}`}
                          placeholder={part === 'weight' ? String(spec.replicas?.clusters?.['*']?.weight ?? 1) : '–'}
                          value={spec.replicas?.clusters?.[one.cluster]?.[part] ?? ''}
                          onChange={(value) => setPart(one.cluster, part, typeof value === 'number' ? value : undefined)}
                        />
                      </td>
                    ))}
                  <td className="right num">
                    {one.replicas ?? '–'}
                    {(one.overflow ?? 0) > 0 && <span className="muted"> {t('wizard.overflow', { count: one.overflow ?? 0 })}</span>}
                  </td>
                </tr>
              ))}
              <tr className="sum">
                <th scope="row" colSpan={divided ? 4 : 1}>
                  {t('wizard.sum')}
                </th>
                <td className="right num" data-sum>
                  {sum}
                </td>
              </tr>
            </tbody>
          </table>
        </div>
      </div>
    </Panel>
  );
}
