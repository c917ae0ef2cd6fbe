import { NativeSelect, NumberInput, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { FederatedSpec, FederatedType, Json, JsonObject } from '../../api/types';
import { isLabel } from '../../ui/names';
import { Panel } from '../../ui/Page';
import { containers, get, replicasPath, set, type Path } from './fields';
import { starter } from './templates';
import type { Update } from './useDraft';

type Props = { spec: FederatedSpec; update: Update; types: FederatedType[]; settled: boolean };

/** The fields of a template that people set most; everything else is in the text beside. */
export function Template({ spec, update, types, settled }: Props) {
  const { t } = useTranslation();
  const { template } = spec;
  const write = (path: Path, value: Json | undefined) => update((before) => ({ ...before, template: set(before.template, path, value) as JsonObject }));
  const name = String(get(template, ['metadata', 'name']) ?? '');
  const kind = String(template.kind ?? '');
  const group = String(template.apiVersion ?? '').includes('/') ? String(template.apiVersion).split('/')[0] : '';
  const type = types.find((one) => one.kind === kind && one.group === group);
  const replicas = replicasPath(template);
  const divided = spec.replicas?.mode === 'Divided';
  const rename = (next: string) => {
    // The labels that the starter made from the name follow it; labels of the person's own do not.
    const follow: Path[] = [
      ['metadata', 'labels', 'app'],
      ['spec', 'selector', 'matchLabels', 'app'],
      ['spec', 'template', 'metadata', 'labels', 'app'],
    ];
    update((before) => {
      const changed = follow
        .filter((path) => !settled && get(before.template, path) === name)
        .reduce<Json>((value, path) => set(value, path, next), set(before.template, ['metadata', 'name'], next));
      return { ...before, template: changed as JsonObject };
    });
  };
  const choose = (value: string) => {
    const found = types.find((one) => one.type === value);
    if (!found) return;
    update(({ overrides: _overrides, replicas: _replicas, ...rest }) => ({ ...rest, template: starter(found) }));
  };
  return (
    <Panel title={t('wizard.template')}>
      <div className="stack">
        <div className="two">
          <NativeSelect
            label={t('object.kind')}
            disabled={settled}
            data={[...(type ? [] : [{ value: '', label: kind }]), ...types.filter((one) => one.namespaced).map((one) => ({ value: one.type, label: one.kind }))]}
            value={type?.type ?? ''}
            onChange={(event) => choose(event.currentTarget.value)}
          />
          <TextInput
            label={t('object.name')}
            className="mono-input"
            disabled={settled}
            autoComplete="off"
            spellCheck={false}
            value={name}
            error={name !== '' && !isLabel(name.replace(/\./g, '-')) ? t('shell.nameBad') : undefined}
            onChange={(event) => rename(event.currentTarget.value)}
          />
        </div>
        {containers(template).map((one) => (
          <TextInput
            key={one.path.join('/')}
            label={t('wizard.image', { container: one.name })}
            className="mono-input"
            spellCheck={false}
            value={String(get(template, [...one.path, 'image']) ?? '')}
            onChange={(event) => write([...one.path, 'image'], event.currentTarget.value)}
          />
        ))}
        {replicas && !divided && (
          <NumberInput
            label={t('wizard.replicasEach')}
            w={160}
            min={0}
            allowDecimal={false}
            value={Number(get(template, replicas) ?? 1)}
            onChange={(value) => typeof value === 'number' && write(replicas, value)}
          />
        )}
      </div>
    </Panel>
  );
}
