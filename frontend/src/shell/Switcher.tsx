import { Popover, TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAccess } from '../api/session';
import { recents } from './recents';

type Place = { ws: string; proj?: string; words: string };
/** More than these are found by typing. */
const SHOWN = 12;

/** Where one is, and the way to everywhere else: workspaces and projects with type-ahead, recent ones first. */
export function Switcher({ workspace, project }: { workspace: string | undefined; project: string | undefined }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const access = useAccess().data;
  const [opened, setOpened] = useState(false);
  const [text, setText] = useState('');
  const places = useMemo<Place[]>(
    () =>
      (access?.workspaces ?? []).flatMap((ws) => [
        { ws: ws.name, words: `${ws.name} ${ws.displayName ?? ''}` },
        ...ws.projects.map((proj) => ({ ws: ws.name, proj: proj.name, words: `${ws.name} ${proj.name} ${proj.displayName ?? ''}` })),
      ]),
    [access],
  );
  if (places.length === 0) return null;
  const wanted = text.trim().toLowerCase();
  const recent = recents();
  const rank = (place: Place) => {
    const at = recent.indexOf(`${place.ws}/${place.proj ?? ''}`);
    return at < 0 ? recent.length : at;
  };
  const found = places.filter((place) => place.words.toLowerCase().includes(wanted)).sort((a, b) => rank(a) - rank(b));
  const show = (next: boolean) => {
    setText('');
    setOpened(next);
  };
  const go = ({ ws, proj }: Place) => {
    show(false);
    void (proj ? navigate({ to: '/w/$ws/p/$proj/apps', params: { ws, proj } }) : navigate({ to: '/w/$ws/overview', params: { ws } }));
  };
  return (
    <Popover opened={opened} onChange={show} position="bottom-start" width={320} shadow="md" trapFocus transitionProps={{ duration: 100 }}>
      <Popover.Target>
        <button type="button" className="crumb-button boxed places" title={[workspace, project].filter(Boolean).join(' ▸ ')} onClick={() => show(!opened)}>
          <span>{workspace ?? t('switcher.choose')}</span>
          {workspace && project && <span aria-hidden="true">{'▸'}</span>}
          {workspace && project && <span>{project}</span>}
          <span aria-hidden="true">{'▾'}</span>
        </button>
      </Popover.Target>
      <Popover.Dropdown p={4} aria-label={t('switcher.choose')}>
        <TextInput
          m={4}
          data-autofocus
          aria-label={t('switcher.find')}
          placeholder={t('switcher.find')}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && found[0]) go(found[0]);
          }}
        />
        <ul className="places">
          {found.slice(0, SHOWN).map((place) => (
            <li key={`${place.ws}/${place.proj ?? ''}`}>
              <button type="button" className="place mono" onClick={() => go(place)}>
                {place.proj ? `${place.ws} ▸ ${place.proj}` : place.ws}
              </button>
            </li>
          ))}
        </ul>
        {found.length === 0 && <p className="places-note">{t('switcher.none')}</p>}
        {found.length > SHOWN && <p className="places-note">{t('switcher.more', { count: found.length - SHOWN })}</p>}
      </Popover.Dropdown>
    </Popover>
  );
}
