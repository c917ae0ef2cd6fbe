// What the pages of one federated object share: its query, its tabs, its deletion.
import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { federated, type ObjectRef } from '../api/endpoints';
import { useResource } from '../api/hooks';
import { may } from '../api/permissions';
import { useCan } from '../api/session';
import type { FederatedObject } from '../api/types';
import { Confirm } from '../ui/Confirm';
import { Gate } from '../ui/Gate';
import { Page, Tabs } from '../ui/Page';
import { PhaseState, State } from '../ui/State';

export const objectKey = ({ project, type, name }: ObjectRef) => ['object', project, type, name];

export function useObject(ref: ObjectRef) {
  return useResource({
    key: objectKey(ref),
    topic: `projects/${ref.project}/federated-objects/${ref.type}/${ref.name}`,
    read: (options) => federated.get(ref, options),
  });
}

type Params = { ws: string; proj: string; type: string; name: string };

export function ObjectPage({ params, children }: { params: Params; children: (object: FederatedObject) => ReactNode }) {
  const { t } = useTranslation();
  const can = useCan();
  const query = useObject({ project: params.proj, type: params.type, name: params.name });
  const [deleting, setDeleting] = useState(false);
  const object = query.data;
  const edits = can.project(params.proj, may.editObjects);
  const removes = can.project(params.proj, may.manageObjects);
  const { ws, proj, type, name } = params;
  return (
    <Page
      title={name}
      state={
        <>
          <span className="muted">{object?.kind ?? type}</span>
          {object && (object.deletedAt ? <State tone="busy" word={t('object.deleting')} /> : <PhaseState phase={object.status.phase} />)}
        </>
      }
      actions={
        object &&
        !object.deletedAt && (
          <>
            {edits && (
              <Button variant="default" component={Link} to={`/w/${ws}/p/${proj}/fed/${type}/${name}/edit`}>
                {t('object.edit')}
              </Button>
            )}
            {removes && (
              <Button variant="default" onClick={() => setDeleting(true)}>
                {t('object.delete')}
              </Button>
            )}
          </>
        )
      }
      tabs={
        <Tabs
          tabs={[
            { label: t('object.tabs.status'), link: { to: '/w/$ws/p/$proj/fed/$type/$name/status', params } },
            { label: t('object.tabs.spec'), link: { to: '/w/$ws/p/$proj/fed/$type/$name/spec', params } },
            { label: t('object.tabs.history'), link: { to: '/w/$ws/p/$proj/fed/$type/$name/history', params } },
          ]}
        />
      }
    >
      <Gate query={query}>{children}</Gate>
      {deleting && object && <Delete object={object} params={params} onClose={() => setDeleting(false)} />}
    </Page>
  );
}

/** Says, cluster by cluster, what goes before it goes. */
function Delete({ object, params, onClose }: { object: FederatedObject; params: Params; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const orphans = object.spec.policy?.deletion === 'Orphan';
  const copies = object.status.clusters.filter((one) => one.scheduled || one.applied);
  return (
    <Confirm
      title={t('object.deleteTitle', { kind: object.kind, name: object.name })}
      verb={t('object.delete')}
      typeName={object.name}
      act={async () => {
        await federated.remove({ project: params.proj, type: params.type, name: params.name });
        await cache.invalidateQueries({ queryKey: ['objects', params.proj] });
        await navigate({ to: '/w/$ws/p/$proj/apps', params });
      }}
      onClose={onClose}
    >
      <p>{orphans ? t('object.deleteOrphan') : t('object.deleteCopies', { count: copies.length })}</p>
      <table className="grid">
        <thead>
          <tr>
            <th scope="col">{t('matrix.cluster')}</th>
            <th scope="col">{t('object.goes')}</th>
          </tr>
        </thead>
        <tbody>
          {copies.map((one) => (
            <tr key={one.cluster}>
              <th scope="row" className="mono">
                {one.cluster}
              </th>
              <td>
                {orphans ? t('object.stays') : one.replicas == null ? t('object.copyGoes') : t('object.podsGo', { count: one.readyReplicas ?? 0 })}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Confirm>
  );
}
