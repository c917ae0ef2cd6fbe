import { Button, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Cluster } from '../api/types';
import { ClusterPicks } from '../ui/ClusterPicks';
import { useFailure } from '../ui/failure';
import { Sentence } from '../ui/Sentence';

type Values = { displayName: string | null; description: string | null; clusters: string[] };
type Props = {
  values: { displayName?: string | null; description?: string | null; clusters: string[] };
  choices: string[];
  known: Cluster[];
  clustersLabel: string;
  clustersHint: string;
  /** Whether clusters are this person's to change. */
  maySetClusters: boolean;
  /** Told before saving, when clusters leave. */
  leaving?: (names: string[]) => string;
  save: (changes: Partial<Values>) => Promise<unknown>;
};

/** Display name, description and clusters of a workspace or a project. Only what changed is sent. */
export function SettingsForm({ values, choices, known, clustersLabel, clustersHint, maySetClusters, leaving, save }: Props) {
  const { t } = useTranslation();
  const say = useFailure();
  const [displayName, setDisplayName] = useState(values.displayName ?? '');
  const [description, setDescription] = useState(values.description ?? '');
  const [clusters, setClusters] = useState(values.clusters);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const gone = values.clusters.filter((name) => !clusters.includes(name));
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    const changes: Partial<Values> = {};
    if (displayName.trim() !== (values.displayName ?? '')) changes.displayName = displayName.trim() || null;
    if (description.trim() !== (values.description ?? '')) changes.description = description.trim() || null;
    if (gone.length > 0 || clusters.length !== values.clusters.length) changes.clusters = clusters;
    try {
      await save(changes);
      notifications.show({ message: t('shell.saved') });
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="stack form" onSubmit={(event) => void submit(event)}>
      <TextInput label={t('workspace.displayName')} value={displayName} onChange={(event) => setDisplayName(event.currentTarget.value)} />
      <Textarea label={t('workspace.description')} rows={2} value={description} onChange={(event) => setDescription(event.currentTarget.value)} />
      {choices.length > 0 && (
        <ClusterPicks label={clustersLabel} hint={clustersHint} names={choices} known={known} picked={clusters} onChange={setClusters} disabled={!maySetClusters} />
      )}
      {gone.length > 0 && leaving && <Sentence tone="warn">{leaving(gone)}</Sentence>}
      {error !== undefined && <Sentence tone="bad">{say(error)}</Sentence>}
      <div className="row">
        <Button type="submit" loading={busy}>
          {t('shell.save')}
        </Button>
      </div>
    </form>
  );
}
