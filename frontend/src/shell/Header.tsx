import { Kbd, Menu, useMantineColorScheme } from '@mantine/core';
import { spotlight } from '@mantine/spotlight';
import { Link, useNavigate } from '@tanstack/react-router';
import { useContext } from 'react';
import { useTranslation } from 'react-i18next';
import { session } from '../api/endpoints';
import { useMe } from '../api/session';
import type { Language } from '../api/types';
import { changeLanguage, languages } from '../i18n';
import { BRAND } from '../ui/brand';
import type { Scheme } from '../preferences';
import { LeaveContext } from './leave';
import { LiveDot } from './LiveDot';
import { Switcher } from './Switcher';

const schemes: Scheme[] = ['auto', 'light', 'dark'];
const mac = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function Header({ workspace, project }: { workspace: string | undefined; project: string | undefined }) {
  const { t } = useTranslation();
  return (
    <header className="shell-head">
      <Link to="/" className="shell-home">
        <span className="mark" aria-hidden="true" />
        {BRAND}
      </Link>
      <Switcher workspace={workspace} project={project} />
      <span className="shell-space" />
      <button type="button" className="crumb-button boxed" onClick={spotlight.open}>
        <span className="muted">{t('shell.goTo')}</span>
        <Kbd size="xs">{mac ? '⌘K' : 'Ctrl K'}</Kbd>
      </button>
      <LiveDot />
      <UserMenu />
    </header>
  );
}

function UserMenu() {
  const { t, i18n } = useTranslation();
  const me = useMe().data;
  const leave = useContext(LeaveContext);
  const navigate = useNavigate();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const speak = async (language: Language) => {
    await changeLanguage(language);
    await session.updateMe({ language }).catch(() => undefined);
  };
  return (
    <Menu position="bottom-end" width={220} withinPortal={false} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <button type="button" className="crumb-button">
          <span className="hidden-words">{t('user.menu')}</span>
          <span>{me?.displayName ?? me?.name ?? ''}</span>
          <span aria-hidden="true">{'▾'}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void navigate({ to: '/me/profile' })}>{t('user.profile')}</Menu.Item>
        <Menu.Item onClick={() => void navigate({ to: '/me/tokens' })}>{t('user.tokens')}</Menu.Item>
        <Menu.Divider />
        <Menu.Label>{t('door.language')}</Menu.Label>
        {languages.map(({ value, label }) => (
          <Menu.Item key={value} lang={value} leftSection={<Tick on={i18n.language === value} />} onClick={() => void speak(value)}>
            {label}
          </Menu.Item>
        ))}
        <Menu.Label>{t('user.scheme')}</Menu.Label>
        {schemes.map((scheme) => (
          <Menu.Item key={scheme} leftSection={<Tick on={colorScheme === scheme} />} onClick={() => setColorScheme(scheme)}>
            {t(`user.schemes.${scheme}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={leave}>{t('user.signOut')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const Tick = ({ on }: { on: boolean }) => <span style={{ display: 'inline-block', width: 12 }}>{on ? '✓' : ''}</span>;
