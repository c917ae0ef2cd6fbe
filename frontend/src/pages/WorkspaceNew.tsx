import { Button, Checkbox, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { workspaces } from '../api/endpoints';
import { ACCESS } from '../api/session';
import type { WorkspaceCreate } from '../api/types';
import { useClusters } from '../api/useClusters';
import { ClusterPicks } from '../ui/ClusterPicks';
import { useFailure, useFieldErrors } from '../ui/failure';
import { isLabel, isReserved } from '../ui/names';
import { Page } from '../ui/Page';
import { Sentence } from '../ui/Sentence';

/** Workspace and first project in one form: all that is needed before something can be federated. */
export default function WorkspaceNew() {
  const { t } = useTranslation();
  const say = useFailure();
  const fieldErrors = useFieldErrors();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const { known, loading } = useClusters();
  const names = known.map((one) => one.name);
  const [name, setName] = useState('');
  const [displayName, setDisplayName] = useState('');
  const [picked, setPicked] = useState<string[]>();
  const [withProject, setWithProject] = useState(true);
  const [project, setProject] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const granted = picked ?? names;
  const wrong = fieldErrors(error);
  const nameBad = name !== '' && !isLabel(name) ? t('shell.nameBad') : undefined;
  const projectBad = project !== '' && (isReserved(project) ? t('project.reserved') : !isLabel(project) ? t('shell.nameBad') : undefined);
  const ready = isLabel(name) && (!withProject || (isLabel(project) && !isReserved(project)));

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    setBusy(true);
    setError(undefined);
    const body: WorkspaceCreate = { name, clusters: granted };
    if (displayName.trim()) body.displayName = displayName.trim();
    if (withProject) body.project = { name: project };
    try {
      await workspaces.create(body);
      await Promise.all([cache.invalidateQueries({ queryKey: ACCESS }), cache.invalidateQueries({ queryKey: ['workspaces'] })]);
      if (withProject) await navigate({ to: '/w/$ws/p/$proj/apps', params: { ws: name, proj: project } });
      else await navigate({ to: '/w/$ws/overview', params: { ws: name } });
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Page title={t('workspace.create')} about={t('workspace.createAbout')}>
      <form className="stack form" noValidate onSubmit={(event) => void submit(event)}>
        <div className="two">
          <TextInput
            label={t('workspace.name')}
            description={t('workspace.nameHint')}
            className="mono-input"
            autoFocus
            autoComplete="off"
            spellCheck={false}
            value={name}
            error={wrong.name ?? nameBad}
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
        {names.length > 0 && (
          <ClusterPicks label={t('workspace.grant')} hint={t('workspace.grantHint')} names={names} known={known} picked={granted} onChange={setPicked} />
        )}
        {names.length === 0 && !loading && <Sentence tone="note">{t('workspace.noClusters')}</Sentence>}
        <Checkbox label={t('workspace.withProject')} checked={withProject} onChange={(event) => setWithProject(event.currentTarget.checked)} />
        {withProject && (
          <TextInput
            label={t('project.name')}
            description={t('project.nameHint')}
            className="mono-input"
            autoComplete="off"
            spellCheck={false}
            value={project}
            error={wrong['project.name'] ?? projectBad}
            onChange={(event) => setProject(event.currentTarget.value)}
          />
        )}
        {error !== undefined && !wrong.name && !wrong['project.name'] && <Sentence tone="bad">{say(error)}</Sentence>}
        <div className="row">
          <Button type="submit" loading={busy} disabled={!ready}>
            {withProject ? t('workspace.submitBoth') : t('workspace.submit')}
          </Button>
        </div>
      </form>
    </Page>
  );
}
