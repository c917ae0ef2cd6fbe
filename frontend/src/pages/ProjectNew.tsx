import { Button, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { workspaces } from '../api/endpoints';
import { useResource } from '../api/hooks';
import { ACCESS } from '../api/session';
import type { ProjectCreate } from '../api/types';
import { useClusters } from '../api/useClusters';
import { ClusterPicks } from '../ui/ClusterPicks';
import { useFailure, useFieldErrors } from '../ui/failure';
import { Gate } from '../ui/Gate';
import { isLabel, isReserved } from '../ui/names';
import { Page } from '../ui/Page';
import { Sentence } from '../ui/Sentence';

export default function ProjectNew() {
  const { t } = useTranslation();
  const say = useFailure();
  const fieldErrors = useFieldErrors();
  const { ws } = useParams({ from: '/w/$ws/projects/new' });
  const navigate = useNavigate();
  const cache = useQueryClient();
  const workspace = useResource({ key: ['workspace', ws], read: (options) => workspaces.get(ws, options) });
  const { known } = useClusters();
  const [name, setName] = useState('');
  const [displayName, setDisplayName] = useState('');
  const [picked, setPicked] = useState<string[]>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const wrong = fieldErrors(error);
  const bad = name !== '' && (isReserved(name) ? t('project.reserved') : !isLabel(name) ? t('shell.nameBad') : undefined);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    const body: ProjectCreate = { name };
    if (displayName.trim()) body.displayName = displayName.trim();
    if (picked) body.clusters = picked;
    try {
      await workspaces.createProject(ws, body);
      await cache.invalidateQueries({ queryKey: ACCESS });
      await navigate({ to: '/w/$ws/p/$proj/apps', params: { ws, proj: name } });
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Page title={t('project.create')} about={t('project.createAbout')}>
      <Gate query={workspace}>
        {(found) => (
          <form className="stack form" noValidate onSubmit={(event) => void submit(event)}>
            <div className="two">
              <TextInput
                label={t('project.name')}
                description={t('project.nameHint')}
                className="mono-input"
                autoFocus
                autoComplete="off"
                spellCheck={false}
                value={name}
                error={wrong.name ?? bad}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <TextInput
                label={t('setup.optional', { label: t('workspace.displayName') })}
                description={t('workspace.displayNameHint')}
                autoComplete="off"
                value={displayName}
                onChange={(event) => setDisplayName(event.currentTarget.value)}
              />
            </div>
            {found.clusters.length > 0 ? (
              <ClusterPicks label={t('workspace.clusters')} hint={t('project.clustersHint')} names={found.clusters} known={known} picked={picked ?? found.clusters} onChange={setPicked} />
            ) : (
              <Sentence tone="note">{t('project.noClusters')}</Sentence>
            )}
            {error !== undefined && !wrong.name && <Sentence tone="bad">{say(error)}</Sentence>}
            <div className="row">
              <Button type="submit" loading={busy} disabled={!isLabel(name) || isReserved(name)}>
                {t('project.submit')}
              </Button>
            </div>
          </form>
        )}
      </Gate>
    </Page>
  );
}
