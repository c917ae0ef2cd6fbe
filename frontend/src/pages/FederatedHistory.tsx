import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { federated } from '../api/endpoints';
import { useResource } from '../api/hooks';
import type { FederatedObject, Json, Revision } from '../api/types';
import { differences } from '../ui/differences';
import { Gate } from '../ui/Gate';
import { show } from '../ui/value';
import Yaml from '../ui/Yaml';
import { Time } from '../ui/Time';
import { ObjectPage } from './object';

/** As many as are shown; the newest are those people ask about. */
const SHOWN = 100;

export default function FederatedHistory() {
  const params = useParams({ from: '/w/$ws/p/$proj/fed/$type/$name/history' });
  return <ObjectPage params={params}>{(object) => <Revisions object={object} project={params.proj} />}</ObjectPage>;
}

function Revisions({ object, project }: { object: FederatedObject; project: string }) {
  const ref = { project, type: object.type, name: object.name };
  const query = useResource({
    key: ['revisions', project, object.type, object.name, object.generation],
    read: (options) => federated.revisions(ref, { limit: SHOWN }, options),
  });
  return (
    <Gate query={query}>
      {(list) => (
        <ul className="panel lines">
          {list.items.map((revision, index) => (
            <Entry key={revision.generation} revision={revision} before={list.items[index + 1]} latest={index === 0} />
          ))}
        </ul>
      )}
    </Gate>
  );
}

function Entry({ revision, before, latest }: { revision: Revision; before: Revision | undefined; latest: boolean }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(latest);
  const changes = before ? differences(before.spec as Json, revision.spec as Json) : [];
  return (
    <li className="column">
      <div className="row">
        <button type="button" className="link-button num" aria-expanded={open} onClick={() => setOpen(!open)}>
          <span className="fold" aria-hidden="true">
            {open ? '▾' : '▸'}
          </span>
          {t('history.revision', { number: revision.generation })}
        </button>
        {latest && <span className="label">{t('history.now')}</span>}
        <span className="mono">{revision.author}</span>
        <span className="muted">
          <Time at={revision.at} />
        </span>
        <span className="muted grow">{before ? t('history.changes', { count: changes.length }) : t('history.first')}</span>
      </div>
      {open && before && changes.length > 0 && (
        <div className="table-scroll" tabIndex={0} role="region" aria-label={t('history.revision', { number: revision.generation })}>
          <table className="grid">
            <thead>
              <tr>
                <th scope="col">{t('matrix.field')}</th>
                <th scope="col">{t('history.was')}</th>
                <th scope="col">{t('history.is')}</th>
              </tr>
            </thead>
            <tbody>
              {changes.map((one) => (
                <tr key={one.path}>
                  <th scope="row" className="mono">
                    {one.path}
                  </th>
                  <td className="mono wrap">{show(one.from)}</td>
                  <td className="mono wrap">{show(one.to)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {open && (
        <details open={!before}>
          <summary>{t('history.whole')}</summary>
          <Yaml label={t('history.whole')} value={{ spec: revision.spec }} />
        </details>
      )}
    </li>
  );
}
