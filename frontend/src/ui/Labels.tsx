import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

export function Labels({ labels }: { labels: Record<string, string> }) {
  const entries = Object.entries(labels);
  if (entries.length === 0) return <span className="muted">{'–'}</span>;
  return entries.map(([key, value]) => (
    <span key={key} className="label">
      {value === '' ? key : `${key}=${value}`}
    </span>
  ));
}

const pair = /^([a-z0-9A-Z]([\w./-]*[a-z0-9A-Z])?)(=([a-z0-9A-Z]([\w.-]*[a-z0-9A-Z])?)?)?$/;

export function parseLabels(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  for (const word of text.split(/[\s,]+/).filter(Boolean)) {
    const match = pair.exec(word);
    if (!match?.[1]) return undefined;
    labels[match[1]] = match[4] ?? '';
  }
  return labels;
}

export const writeLabels = (labels: Record<string, string>) =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');

/** Labels as one line of `key=value`. */
export function LabelsInput({ value, onChange }: { value: Record<string, string>; onChange: (labels: Record<string, string>) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(() => writeLabels(value));
  const wrong = parseLabels(text) === undefined;
  return (
    <TextInput
      label={t('cluster.labels')}
      description={t('cluster.labelsHint')}
      className="mono-input"
      spellCheck={false}
      value={text}
      error={wrong ? t('cluster.labelsBad') : undefined}
      onChange={(event) => {
        setText(event.currentTarget.value);
        const labels = parseLabels(event.currentTarget.value);
        if (labels) onChange(labels);
      }}
    />
  );
}
