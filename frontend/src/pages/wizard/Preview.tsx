import { Fragment, lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { PlannedCluster } from '../../api/types';
import { useSaid } from '../../phrases';
import { Failure } from '../../ui/Gate';
import { Panel } from '../../ui/Page';
import { Sentence } from '../../ui/Sentence';
import { ActionState } from '../../ui/State';
import { show } from '../../ui/value';
import type { usePlan } from './usePlan';

const Yaml = lazy(() => import('../../ui/Yaml'));

/** What applying would do, cluster by cluster, before anything is done. */
export function Preview({ plan, stale }: { plan: ReturnType<typeof usePlan>; stale: boolean }) {
  const { t } = useTranslation();
  const said = useSaid();
  const [open, setOpen] = useState<string>();
  const { data, error } = plan;
  return (
    <Panel title={t('preview.title')} side={<span className="muted" role="status">{stale ? t('preview.working') : t('preview.current')}</span>} flush>
      {error && <Failure error={error} />}
      {data && data.fields.length > 0 && (
        <div className="panel-body stack-tight">
          {data.fields.map((one) => (
            <Sentence key={`${one.field} ${one.message}`} tone="bad">
              <span className="mono">{one.field}</span> {said(one.message)}
            </Sentence>
          ))}
        </div>
      )}
      {data && (
        <div className="table-scroll" tabIndex={0} role="region" aria-label={t('preview.title')} aria-busy={stale}>
          <table className="grid">
            <thead>
              <tr>
                <th scope="col">{t('matrix.cluster')}</th>
                <th scope="col">{t('preview.action')}</th>
                <th scope="col" className="right">
                  {t('object.replicas')}
                </th>
                <th scope="col" className="right">
                  {t('preview.differences')}
                </th>
                <th scope="col">{t('preview.why')}</th>
              </tr>
            </thead>
            <tbody>
              {data.clusters.map((one) => (
                <Fragment key={one.cluster}>
                  <tr>
                    <th scope="row">
                      <button type="button" className="link-button mono" aria-expanded={open === one.cluster} onClick={() => setOpen(open === one.cluster ? undefined : one.cluster)}>
                        <span className="fold" aria-hidden="true">
                          {open === one.cluster ? '▾' : '▸'}
                        </span>
                        {one.cluster}
                      </button>
                    </th>
                    <td>
                      <ActionState action={one.action} />
                    </td>
                    <td className="right">{one.replicas ?? '–'}</td>
                    <td className="right">{one.differences.length}</td>
                    <td className="wrap">
                      {one.message !== '' && <span className="strong">{said(one.message)} </span>}
                      <span className="muted">{said(one.why)}</span>
                    </td>
                  </tr>
                  {open === one.cluster && (
                    <tr className="reason-row">
                      <td colSpan={5} className="wrap">
                        <Detail one={one} />
                      </td>
                    </tr>
                  )}
                </Fragment>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data && data.dependencies.length > 0 && (
        <p className="panel-body muted">
          {t('preview.dependencies')} <span className="mono">{data.dependencies.map((one) => `${one.kind}/${one.name}`).join(', ')}</span>
        </p>
      )}
    </Panel>
  );
}

function Detail({ one }: { one: PlannedCluster }) {
  const { t } = useTranslation();
  return (
    <div className="stack-tight">
      {one.differences.length > 0 && one.action === 'Update' && (
        <table className="grid inner">
          <caption>{t('preview.toLive')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('matrix.field')}</th>
              <th scope="col">{t('preview.live')}</th>
              <th scope="col">{t('preview.wanted')}</th>
            </tr>
          </thead>
          <tbody>
            {one.differences.map((difference) => (
              <tr key={difference.path}>
                <th scope="row" className="mono">
                  {difference.path}
                </th>
                <td className="mono removed">{show(difference.from)}</td>
                <td className="mono added">{show(difference.to)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {one.manifest ? (
        <Suspense fallback={<p className="muted">{t('door.loading')}</p>}>
          <Yaml label={t('preview.manifest', { cluster: one.cluster })} value={one.manifest} />
        </Suspense>
      ) : (
        <p className="muted">{t('preview.nothing')}</p>
      )}
    </div>
  );
}
