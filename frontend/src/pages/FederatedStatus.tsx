import { useParams } from '@tanstack/react-router';
import { Fragment, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ClusterStatus, FederatedObject } from '../api/types';
import { useSaid } from '../phrases';
import { Mark, type Tone } from '../ui/Mark';
import { PhaseState } from '../ui/State';
import { Time } from '../ui/Time';
import { ClusterReason } from './matrix/ClusterReason';
import { ObjectPage } from './object';

const COLUMNS = 7;

/** The live status matrix: what stands where, and why not. */
export default function FederatedStatus() {
  const params = useParams({ from: '/w/$ws/p/$proj/fed/$type/$name/status' });
  return <ObjectPage params={params}>{(object) => <Matrix object={object} />}</ObjectPage>;
}

function Matrix({ object }: { object: FederatedObject }) {
  const { t } = useTranslation();
  const said = useSaid();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const { status } = object;
  const toggle = (cluster: string) =>
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(cluster)) next.add(cluster);
      return next;
    });
  const heads = [t('matrix.cluster'), t('matrix.scheduled'), t('matrix.applied'), t('matrix.ready'), t('matrix.drift'), t('matrix.error'), t('matrix.updated')];
  return (
    <>
      <div className="matrix-summary" role="status">
        <span className="strong num" data-summary>
          {t('matrix.summary', { ready: status.clustersReady, count: status.clustersPlaced })}
        </span>
        {status.replicas != null && <span className="num">{t('matrix.pods', { ready: status.readyReplicas ?? 0, count: status.replicas })}</span>}
        {status.observedGeneration < object.generation && (
          <span className="muted num">{t('matrix.generation', { seen: status.observedGeneration, now: object.generation })}</span>
        )}
        {status.phase !== 'Ready' && <span className="muted grow">{said(withoutCount(status.message))}</span>}
      </div>
      <div className="table-scroll" tabIndex={0} role="region" aria-label={t('object.tabs.status')}>
        <table className="grid">
          <thead>
            <tr>
              {heads.map((head, column) => (
                <th key={head} scope="col" className={column === 4 ? 'right' : undefined}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {status.clusters.map((one) => (
              <Fragment key={one.cluster}>
                <Row one={one} open={open.has(one.cluster)} onToggle={() => toggle(one.cluster)} />
                {open.has(one.cluster) && (
                  <tr className="reason-row" id={`reason-${one.cluster}`}>
                    <td colSpan={COLUMNS} className="wrap">
                      <ClusterReason one={one} />
                    </td>
                  </tr>
                )}
              </Fragment>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** The summary has counted already; what is left of the sentence is why. */
const withoutCount = (message: string) => message.replace(/^\d+ of \d+ clusters ready(: |$)/, '');

function Row({ one, open, onToggle }: { one: ClusterStatus; open: boolean; onToggle: () => void }) {
  const { t } = useTranslation();
  const said = useSaid();
  const yes = (on: boolean, tone: Tone, word: string) => (
    <span className="state">
      <Mark tone={tone} />
      <span className={on ? undefined : 'muted'}>{word}</span>
    </span>
  );
  return (
    <tr className="clickable" onClick={onToggle} data-cluster={one.cluster}>
      <th scope="row">
        <button
          type="button"
          className="link-button mono"
          aria-expanded={open}
          aria-controls={open ? `reason-${one.cluster}` : undefined}
          onClick={(event) => {
            event.stopPropagation();
            onToggle();
          }}
        >
          <span className="fold" aria-hidden="true">
            {open ? '▾' : '▸'}
          </span>
          {one.cluster}
        </button>
      </th>
      <td>{one.scheduled ? yes(true, 'ok', t('matrix.yes')) : yes(false, 'unknown', t('matrix.no'))}</td>
      <td>{one.scheduled ? (one.applied ? yes(true, 'ok', t('matrix.yes')) : yes(false, 'busy', t('matrix.notYet'))) : <span className="muted">{'–'}</span>}</td>
      <td>
        {one.scheduled ? (
          <span className="row">
            <PhaseState phase={one.phase} />
            {one.replicas != null && <span className="num" data-ready>{t('object.ready', { ready: one.readyReplicas ?? 0, count: one.replicas })}</span>}
          </span>
        ) : (
          <span className="muted">{'–'}</span>
        )}
      </td>
      <td className="right">{one.drift.length === 0 ? <span className="muted">{t('matrix.none')}</span> : one.drift.length}</td>
      <td>{one.lastError ? <span title={said(one.lastError.message)}>{one.lastError.reason}</span> : <span className="muted">{t('matrix.none')}</span>}</td>
      <td>{one.observedAt ? <Time at={one.observedAt} /> : <span className="muted">{'–'}</span>}</td>
    </tr>
  );
}
