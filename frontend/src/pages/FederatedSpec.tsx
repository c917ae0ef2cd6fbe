import { useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { stringify } from 'yaml';
import { Copy } from '../ui/Copy';
import { Panel } from '../ui/Page';
import Yaml from '../ui/Yaml';
import { ObjectPage } from './object';

export default function FederatedSpec() {
  const { t } = useTranslation();
  const params = useParams({ from: '/w/$ws/p/$proj/fed/$type/$name/spec' });
  return (
    <ObjectPage params={params}>
      {(object) => {
        const body = { spec: object.spec };
        return (
          <Panel title={t('object.specAbout', { generation: object.generation })} side={<Copy text={stringify(body, { lineWidth: 0 })} />} flush>
            <Yaml label={t('object.tabs.spec')} value={body} />
          </Panel>
        );
      }}
    </ObjectPage>
  );
}
