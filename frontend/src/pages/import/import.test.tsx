import { act, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JoinInstructions } from '../../api/types';
import { loadConsoleWords } from '../../i18n';
import { answers, json, show } from '../../test/render';
import { JoinCommand } from './JoinCommand';
import { Stalled } from './Stalled';

const join = (more: Partial<JoinInstructions> = {}): JoinInstructions => ({
  token: 't',
  expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  url: 'https://hanse.example.com',
  caSha256: 'c',
  tunnelAddress: 'hanse.example.com:8443',
  command: 'hanse-agent join --token t',
  manifest: 'kind: Namespace',
  ...more,
});

beforeEach(async () => {
  await loadConsoleWords();
  vi.useFakeTimers({ shouldAdvanceTime: true });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('an agent that is not heard of', () => {
  it('is given a minute before anything is suspected', () => {
    show(<Stalled stage="contact" join={join()} />);
    act(() => void vi.advanceTimersByTime(59_000));
    expect(screen.queryByRole('status')).toBeNull();
  });

  it('is told with exactly what it dials', () => {
    show(<Stalled stage="tunnel" join={join()} />);
    act(() => void vi.advanceTimersByTime(60_000));
    expect(screen.getByRole('status').textContent).toMatch(/It dials hanse\.example\.com:8443/);
  });

  it('is told first that an address leads every machine to itself', () => {
    show(<Stalled stage="contact" join={join({ url: 'http://127.0.0.1:8080' })} />);
    act(() => void vi.advanceTimersByTime(60_000));
    expect(screen.getAllByRole('listitem')[0]?.textContent).toMatch(/leads every machine to itself/);
  });
});

describe('the join command', () => {
  it('counts down', () => {
    show(<JoinCommand cluster="eu-1" join={join()} onIssued={() => undefined} />);
    act(() => void vi.advanceTimersByTime(61_000));
    expect(screen.getByText(/It ends in 58:5\d\./)).toBeTruthy();
  });

  it('is replaced by a fresh one when it has ended', async () => {
    vi.stubGlobal('fetch', answers({ 'POST /clusters/eu-1/join-tokens': () => json(join({ token: 'fresh' }), 201) }));
    const issued = vi.fn();
    show(<JoinCommand cluster="eu-1" join={join({ expiresAt: new Date(Date.now() - 1000).toISOString() })} onIssued={issued} />);
    expect(screen.queryByLabelText('Command')).toBeNull();
    await userEvent.setup({ advanceTimers: vi.advanceTimersByTime }).click(screen.getByRole('button', { name: 'Issue another token' }));
    await vi.waitFor(() => expect(issued).toHaveBeenCalledWith(expect.objectContaining({ token: 'fresh' })));
  });
});
