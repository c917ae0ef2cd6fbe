import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { federated, projects } from '../api/endpoints';
import { useResource } from '../api/hooks';
import type { FederatedBody, FederatedObject, Project } from '../api/types';
import { Gate } from '../ui/Gate';
import { Page } from '../ui/Page';
import { objectKey } from './object';
import { Wizard } from './wizard/Wizard';

/** The same page as for a new object; what is written here is compared with the version it was begun from. */
export default function FederatedEdit() {
  const { t } = useTranslation();
  const params = useParams({ from: '/w/$ws/p/$proj/fed/$type/$name/edit' });
  const ref = { project: params.proj, type: params.type, name: params.name };
  const navigate = useNavigate();
  const cache = useQueryClient();
  const project = useResource({ key: ['project', params.proj], read: (options) => projects.get(params.proj, options) });
  // Not live: the draft must not change under the person; a newer version is refused on applying.
  const object = useResource({ key: [...objectKey(ref), 'draft'], read: (options) => federated.get(ref, options) });
  return (
    <Page title={t('wizard.editTitle', { name: params.name })} about={t('wizard.about')}>
      <Gate query={project}>
        {(found) => (
          <Gate query={object}>
            {(begun) => (
              <Edit
                project={found}
                begun={begun}
                apply={async (body, version) => {
                  await federated.replace(ref, body, version);
                  cache.removeQueries({ queryKey: [...objectKey(ref), 'draft'] });
                  await cache.invalidateQueries({ queryKey: objectKey(ref) });
                  await navigate({ to: '/w/$ws/p/$proj/fed/$type/$name/status', params });
                }}
              />
            )}
          </Gate>
        )}
      </Gate>
    </Page>
  );
}

type EditProps = { project: Project; begun: FederatedObject; apply: (body: FederatedBody, version: number) => Promise<unknown> };

/** Holds on to the version that the draft was begun from, whatever is fetched later. */
function Edit({ project, begun, apply }: EditProps) {
  const [first] = useState(begun);
  return <Wizard project={project} settled start={() => first.spec} apply={(body) => apply(body, first.version)} />;
}
