import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { federated, projects } from '../api/endpoints';
import { useResource } from '../api/hooks';
import { Gate } from '../ui/Gate';
import { Page } from '../ui/Page';
import { sample } from './wizard/templates';
import { Wizard } from './wizard/Wizard';

export default function FederatedNew() {
  const { t } = useTranslation();
  const { ws, proj } = useParams({ from: '/w/$ws/p/$proj/fed/new' });
  const navigate = useNavigate();
  const cache = useQueryClient();
  const project = useResource({ key: ['project', proj], read: (options) => projects.get(proj, options) });
  return (
    <Page title={t('object.create')} about={t('wizard.about')}>
      <Gate query={project}>
        {(found) => (
          <Wizard
            project={found}
            settled={false}
            start={() => ({ template: sample, placement: { clusters: found.clusters } })}
            apply={async (body) => {
              const made = await federated.create(proj, body);
              await cache.invalidateQueries({ queryKey: ['objects', proj] });
              await navigate({ to: '/w/$ws/p/$proj/fed/$type/$name/status', params: { ws, proj, type: made.type, name: made.name } });
            }}
          />
        )}
      </Gate>
    </Page>
  );
}
