import { Kbd } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../ui/Dialog';
import { may } from '../api/permissions';
import { useCan } from '../api/session';
import { isTyping } from '../ui/keys';

/** A second key counts as part of `g …` within this time. */
const CHORD_MS = 1200;

export function Shortcuts() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const can = useCan();
  const [shown, setShown] = useState(false);
  const chord = useRef(0);
  const seesClusters = can.platform(may.seeClusters);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event)) return;
      if (Date.now() - chord.current < CHORD_MS) {
        chord.current = 0;
        if (event.key === 'h') void navigate({ to: '/' });
        else if (event.key === 'c' && seesClusters) void navigate({ to: '/clusters' });
        else if (event.key === 'w') void navigate({ to: '/workspaces' });
        return;
      }
      if (event.key === 'g') chord.current = Date.now();
      else if (event.key === '?') setShown(true);
      else if (event.key === '/') {
        event.preventDefault();
        document.querySelector<HTMLInputElement>('[data-filter] input, input[data-filter]')?.focus();
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [navigate, seesClusters]);
  const keys: [string[], string][] = [
    [['Ctrl', 'K'], t('keys.palette')],
    [['/'], t('keys.filter')],
    [['g', 'h'], t('keys.home')],
    [['g', 'c'], t('keys.clusters')],
    [['g', 'w'], t('keys.workspaces')],
    [['j', 'k'], t('keys.rows')],
    [['Enter'], t('keys.open')],
    [['?'], t('keys.help')],
  ];
  return (
    <Dialog opened={shown} onClose={() => setShown(false)} title={t('keys.title')}>
      <dl className="facts">
        {keys.map(([combination, words]) => (
          <div key={words} style={{ display: 'contents' }}>
            <dt>
              {combination.map((key) => (
                <Kbd key={key} size="xs" mr={4}>
                  {key}
                </Kbd>
              ))}
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
