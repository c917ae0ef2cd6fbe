import { Checkbox } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Cluster } from '../api/types';
import { Labels } from './Labels';
import { PhaseState } from './State';

type Props = {
  label: string;
  hint?: string;
  names: string[];
  /** What is known of them, where the caller may know it. */
  known: Cluster[];
  picked: string[];
  onChange: (picked: string[]) => void;
  disabled?: boolean;
};

/** Clusters to tick, with their states, so that nobody picks one that does not answer without seeing it. */
export function ClusterPicks({ label, hint, names, known, picked, onChange, disabled }: Props) {
  const { t } = useTranslation();
  const byName = new Map(known.map((one) => [one.name, one]));
  const all = names.length > 0 && names.every((name) => picked.includes(name));
  const toggle = (name: string, on: boolean) => onChange(names.filter((one) => (one === name ? on : picked.includes(one))));
  return (
    <fieldset className="picks" disabled={disabled}>
      <legend>{label}</legend>
      {hint && <p className="muted">{hint}</p>}
      {names.length > 1 && (
        <Checkbox
          label={t('cluster.all', { count: names.length })}
          checked={all}
          indeterminate={!all && picked.some((name) => names.includes(name))}
          onChange={(event) => onChange(event.currentTarget.checked ? names : [])}
        />
      )}
      <ul className="pick-list">
        {names.map((name) => {
          const cluster = byName.get(name);
          return (
            <li key={name}>
              <Checkbox
                label={<span className="mono">{name}</span>}
                checked={picked.includes(name)}
                onChange={(event) => toggle(name, event.currentTarget.checked)}
              />
              {cluster && (
                <>
                  <PhaseState phase={cluster.phase} />
                  <span className="muted mono">{cluster.facts.kubernetesVersion ?? ''}</span>
                  {Object.keys(cluster.labels).length > 0 && <Labels labels={cluster.labels} />}
                </>
              )}
            </li>
          );
        })}
      </ul>
    </fieldset>
  );
}
