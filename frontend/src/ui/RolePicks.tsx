import { Checkbox } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Role } from '../api/types';
import { useSaid } from '../phrases';

type Props = { label: string; hint?: string; offered: Role[]; picked: string[]; onChange: (picked: string[]) => void };

/** Roles to tick, each with what it gives; roles of the release are described in the language of now. */
export function RolePicks({ label, hint, offered, picked, onChange }: Props) {
  const { t, i18n } = useTranslation();
  const said = useSaid();
  const about = (role: Role) => {
    const key = `role.${role.scope}.${role.name}`;
    return role.builtIn && i18n.exists(key) ? t(key as 'role.platform.administrator') : said(role.description);
  };
  return (
    <fieldset className="picks">
      <legend>{label}</legend>
      {hint && <p className="muted">{hint}</p>}
      {offered.map((role) => (
        <Checkbox
          key={role.name}
          label={<span className="mono">{role.name}</span>}
          description={about(role)}
          checked={picked.includes(role.name)}
          onChange={(event) => onChange(event.currentTarget.checked ? [...picked, role.name] : picked.filter((one) => one !== role.name))}
        />
      ))}
    </fieldset>
  );
}
