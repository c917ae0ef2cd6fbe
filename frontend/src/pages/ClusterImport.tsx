import { Button, Checkbox, NativeSelect, SegmentedControl, Textarea, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useRef, useState, type DragEvent, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiFailure } from '../api/client';
import { clusters } from '../api/endpoints';
import type { Cluster, ClusterImport as Body } from '../api/types';
import { useFailure, useFieldErrors } from '../ui/failure';
import { LabelsInput } from '../ui/Labels';
import { Page, Panel } from '../ui/Page';
import { Sentence } from '../ui/Sentence';
import { isLabel, suggestName } from '../ui/names';
import { AgentImport } from './import/AgentImport';
import { Ladder } from './import/Ladder';
import { useProbe } from './import/useProbe';

/** Pasting is one event, typing many; wait for a short rest before asking the cluster. */
const REST_MS = 400;

export default function ClusterImport() {
  const [round, setRound] = useState(0);
  return <ImportOne key={round} onAnother={() => setRound(round + 1)} />;
}

function ImportOne({ onAnother }: { onAnother: () => void }) {
  const { t } = useTranslation();
  const say = useFailure();
  const fieldErrors = useFieldErrors();
  const cache = useQueryClient();
  const [kubeconfig, setKubeconfig] = useState('');
  const [context, setContext] = useState<string>();
  const [name, setName] = useState('');
  const [named, setNamed] = useState(false);
  const [labels, setLabels] = useState<Record<string, string>>({});
  const [fixedPort, setFixedPort] = useState(false);
  const [dropping, setDropping] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [way, setWay] = useState<'direct' | 'agent'>('direct');
  const [imported, setImported] = useState<Cluster>();
  const { probe, start, show } = useProbe();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  const take = (text: string) => {
    setKubeconfig(text);
    setContext(undefined);
    setError(undefined);
    clearTimeout(timer.current);
    if (text.trim() !== '') timer.current = setTimeout(() => start(text, undefined), REST_MS);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setDropping(false);
    const file = event.dataTransfer.files[0];
    if (file) void file.text().then(take);
  };
  const choose = (next: string) => {
    setContext(next);
    start(kubeconfig, next);
  };

  const report = probe.report;
  const contexts = report?.contexts ?? [];
  const chosen = context ?? report?.context ?? '';
  const shownName = named ? name : suggestName(chosen);
  const passed = report?.passed ?? false;
  const wrong = fieldErrors(error);
  const taken = error instanceof ApiFailure && error.code === 'already_exists';

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    const body: Body = { name: shownName, labels, kubeconfig, fixedPort };
    if (chosen) body.context = chosen;
    try {
      const cluster = await clusters.add(body);
      await cache.invalidateQueries({ queryKey: ['clusters'] });
      setImported(cluster);
    } catch (failure) {
      if (failure instanceof ApiFailure && failure.probe) show(failure.probe);
      setError(failure);
    } finally {
      setBusy(false);
    }
  };

  if (imported) {
    return (
      <Page title={t('import.title')}>
        <Sentence tone="ok">{t('import.done', { name: imported.name })}</Sentence>
        <div className="row">
          <Button onClick={onAnother}>{t('import.another')}</Button>
          <Button variant="default" component={Link} to="/workspaces/new">
            {t('workspace.create')}
          </Button>
          <Button variant="default" component={Link} to={`/clusters/${imported.name}/overview`}>
            {t('import.open', { name: imported.name })}
          </Button>
        </div>
      </Page>
    );
  }
  const ways = (
    <SegmentedControl
      aria-label={t('agent.way')}
      value={way}
      onChange={(next) => setWay(next as 'direct' | 'agent')}
      data={[
        { value: 'direct', label: t('agent.direct') },
        { value: 'agent', label: t('agent.agent') },
      ]}
    />
  );
  if (way === 'agent') {
    return (
      <Page title={t('import.title')} about={t('agent.about')}>
        <div className="row">{ways}</div>
        <AgentImport />
      </Page>
    );
  }
  return (
    <Page title={t('import.title')} about={t('import.about')}>
      <div className="row">{ways}</div>
      <div className="import-columns">
        <div className="stack">
          <div
            className={dropping ? 'drop over' : 'drop'}
            onDragOver={(event) => {
              event.preventDefault();
              setDropping(true);
            }}
            onDragLeave={() => setDropping(false)}
            onDrop={drop}
          >
            <Textarea
              label={t('import.kubeconfig')}
              description={t('import.kubeconfigHint')}
              className="mono-input"
              autoFocus
              spellCheck={false}
              autoComplete="off"
              rows={11}
              wrap="off"
              value={kubeconfig}
              error={wrong.kubeconfig}
              onChange={(event) => take(event.currentTarget.value)}
            />
          </div>
          {contexts.length > 1 && (
            <NativeSelect
              label={t('import.context')}
              description={t('import.contextHint')}
              data={[...(chosen ? [] : ['']), ...contexts]}
              value={chosen}
              onChange={(event) => choose(event.currentTarget.value)}
            />
          )}
          {passed && (
            <form className="stack" onSubmit={(event) => void submit(event)}>
              <TextInput
                label={t('cluster.name')}
                description={t('import.nameHint')}
                className="mono-input"
                spellCheck={false}
                autoComplete="off"
                value={shownName}
                error={wrong.name ?? (taken ? say(error) : shownName !== '' && !isLabel(shownName) ? t('shell.nameBad') : undefined)}
                onChange={(event) => {
                  setNamed(true);
                  setName(event.currentTarget.value);
                }}
              />
              <LabelsInput value={labels} onChange={setLabels} />
              <Checkbox
                label={t('import.fixedPort')}
                description={t('import.fixedPortHint')}
                checked={fixedPort}
                onChange={(event) => setFixedPort(event.currentTarget.checked)}
              />
              {error !== undefined && !taken && Object.keys(wrong).length === 0 && <Sentence tone="bad">{say(error)}</Sentence>}
              <div className="row">
                <Button type="submit" loading={busy} disabled={!isLabel(shownName)}>
                  {t('import.submit')}
                </Button>
              </div>
            </form>
          )}
        </div>
        <Panel
          title={t('import.ladder')}
          side={
            kubeconfig.trim() !== '' && (
              <Button variant="default" size="compact-xs" disabled={probe.running} onClick={() => start(kubeconfig, context)}>
                {t('import.again')}
              </Button>
            )
          }
          flush
        >
          <Ladder probe={probe} />
        </Panel>
      </div>
    </Page>
  );
}
