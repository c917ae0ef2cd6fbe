import { Button, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { FederatedSpec, Override } from '../../api/types';
import { Panel } from '../../ui/Page';
import { show } from '../../ui/value';
import { coerce, isForced, leaves } from './fields';
import { cell, fieldOf, hiddenRules, rows, templateValue, withCell, type Field } from './overrides';
import type { Update } from './useDraft';

const EXAMPLE = '/metadata/labels/tier';

type Props = { spec: FederatedSpec; update: Update; clusters: string[] };

/** What differs between clusters: one row for each field, one column for each cluster, blank where it inherits. */
export function Overrides({ spec, update, clusters }: Props) {
  const { t } = useTranslation();
  const [added, setAdded] = useState<string[]>([]);
  const [path, setPath] = useState('');
  const overrides = spec.overrides ?? [];
  const fields = rows(spec.template, overrides, added, spec.replicas?.mode === 'Divided');
  const hidden = hiddenRules(overrides);
  const offered = leaves(spec.template).filter((one) => !isForced(one) && !fields.some((field) => field.id === one));
  const usable = /^\/[^/]/.test(path) && !isForced(path);
  const label = (field: Field) =>
    field.kind === 'replicas' ? t('wizard.replicas') : field.kind === 'image' ? t('wizard.image', { container: field.container }) : field.path;
  const change = (cluster: string, field: Field, text: string) =>
    update(({ overrides: before, ...rest }) => {
      const value = text === '' ? undefined : coerce(text, templateValue(rest.template, field));
      const next: Override[] = withCell(before ?? [], cluster, field, value);
      return next.length > 0 ? { ...rest, overrides: next } : rest;
    });
  const add = () => {
    setAdded((before) => [...before, fieldOf(path, spec.template).id]);
    setPath('');
  };
  return (
    <Panel title={t('wizard.overrides')} side={<span className="muted">{t('wizard.overridesHint')}</span>}>
      <div className="stack-tight">
        {fields.length > 0 && clusters.length > 0 && (
          <div className="table-scroll boxed" tabIndex={0} role="region" aria-label={t('wizard.overrides')}>
            <table className="grid override-table">
              <thead>
                <tr>
                  <th scope="col">{t('matrix.field')}</th>
                  <th scope="col">{t('wizard.inTemplate')}</th>
                  {clusters.map((name) => (
                    <th key={name} scope="col" className="mono">
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {fields.map((field) => {
                  const inherited = show(templateValue(spec.template, field));
                  return (
                    <tr key={field.id}>
                      <th scope="row" className={field.kind === 'path' ? 'mono' : undefined} title={field.id}>
                        {label(field)}
                      </th>
                      <td className="mono muted" title={inherited}>
                        {inherited}
                      </td>
                      {clusters.map((name) => {
                        const value = cell(overrides, name, field);
                        return (
                          <td key={name}>
                            <TextInput
                              className="mono-input"
                              w={field.kind === 'replicas' ? 80 : 180}
                              spellCheck={false}
                              autoComplete="off"
                              aria-label={`${label(field)} ${name}`}
                              placeholder={t('wizard.inherits')}
                              value={value === undefined ? '' : show(value)}
                              onChange={(event) => change(name, field, event.currentTarget.value)}
                            />
                          </td>
                        );
                      })}
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
        {clusters.length === 0 && <p className="muted">{t('wizard.overridesNowhere')}</p>}
        <div className="with-button">
          <TextInput
            label={t('wizard.addField')}
            className="mono-input"
            placeholder={EXAMPLE}
            list="template-fields"
            spellCheck={false}
            autoComplete="off"
            value={path}
            error={isForced(path) ? t('wizard.forced') : undefined}
            onChange={(event) => setPath(event.currentTarget.value)}
          />
          <datalist id="template-fields">
            {offered.map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
          <Button variant="default" size="xs" disabled={!usable} onClick={add}>
            {t('wizard.add')}
          </Button>
        </div>
        {hidden > 0 && <p className="muted">{t('wizard.hiddenRules', { count: hidden })}</p>}
      </div>
    </Panel>
  );
}
