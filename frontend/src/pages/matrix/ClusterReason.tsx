import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import type { ClusterStatus } from '../../api/types';
import { useSaid } from '../../phrases';
import { Time } from '../../ui/Time';
import { show } from '../../ui/value';

const Yaml = lazy(() => import('../../ui/Yaml'));

/** Why one cluster is as it is: in sentences first, then field by field. */
export function ClusterReason({ one }: { one: ClusterStatus }) {
  const { t } = useTranslation();
  const said = useSaid();
  return (
    <div className="stack-tight reason">
      {one.message && <p className="strong">{said(one.message)}</p>}
      <p>
        <span className="muted">{one.scheduled ? t('matrix.whyHere') : t('matrix.whyNot')}</span> {said(one.why)}
      </p>
      {one.lastError && (
        <p>
          <span className="muted">{t('matrix.error')}</span> <span className="mono">{one.lastError.reason}</span> {said(one.lastError.message)}{' '}
          <Time at={one.lastError.at} />
        </p>
      )}
      {one.drift.length > 0 && (
        <table className="grid inner">
          <caption>{t('matrix.driftAbout')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('matrix.field')}</th>
              <th scope="col">{t('matrix.wanted')}</th>
              <th scope="col">{t('matrix.found')}</th>
              <th scope="col">{t('matrix.by')}</th>
              <th scope="col">{t('matrix.at')}</th>
            </tr>
          </thead>
          <tbody>
            {one.drift.map((entry) => (
              <tr key={`${entry.path} ${entry.at}`}>
                <th scope="row" className="mono">
                  {entry.path}
                </th>
                <td className="mono">{show(entry.expected)}</td>
                <td className="mono">{show(entry.actual)}</td>
                <td className="mono">{entry.manager ?? '–'}</td>
                <td>
                  <Time at={entry.at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {one.status != null && (
        <details>
          <summary>{t('matrix.native')}</summary>
          <Suspense fallback={<p className="muted">{t('door.loading')}</p>}>
            <Yaml label={t('matrix.native')} value={one.status} />
          </Suspense>
        </details>
      )}
    </div>
  );
}
