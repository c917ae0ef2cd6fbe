import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { answers, json, refusal, show } from '../test/render';
import Door from './Door';
import Setup from './Setup';

describe('signing in', () => {
  const fill = async () => {
    await userEvent.type(screen.getByLabelText('User name'), 'admin');
    await userEvent.type(screen.getByLabelText('Password'), 'correct horse');
    await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
  };

  it('says the same for a wrong name and a wrong password', async () => {
    vi.stubGlobal('fetch', answers({ 'POST /sessions': () => refusal(401, 'unauthenticated', 'no') }));
    show(<Door ended={false} onDone={() => undefined} />);
    await fill();
    expect(await screen.findByRole('alert')).toHaveProperty('textContent', 'User name or password is wrong. Accounts are made by an administrator.');
  });

  it('counts down when there were too many attempts', async () => {
    vi.stubGlobal('fetch', answers({ 'POST /sessions': () => refusal(429, 'too_many_requests', 'wait', [], { 'retry-after': '9' }) }));
    show(<Door ended={false} onDone={() => undefined} />);
    await fill();
    await waitFor(() => expect(screen.getByRole('alert').textContent).toMatch(/Try again in [89] seconds/));
    expect(screen.getByRole('button', { name: 'Sign in' })).toHaveProperty('disabled', true);
  });

  it('goes in when the server agrees', async () => {
    vi.stubGlobal('fetch', answers({ 'POST /sessions': () => json({ name: 'admin', roles: [] }) }));
    const done = vi.fn();
    show(<Door ended onDone={done} />);
    expect(screen.getByText(/Your session has ended/)).toBeTruthy();
    await fill();
    await waitFor(() => expect(done).toHaveBeenCalledOnce());
  });
});

describe('setup', () => {
  it('tests the address from the server, and sends what was filled in with the token of the link', async () => {
    location.hash = '#token=once';
    let sent: unknown;
    vi.stubGlobal(
      'fetch',
      answers({
        'POST /setup/url-test': () => json({ reachable: false, message: 'The server does not reach itself there.' }),
        'POST /setup': async (request) => ((sent = await request.json()), json({ name: 'admin' }, 201)),
      }),
    );
    const done = vi.fn();
    show(<Setup onDone={done} />);
    expect(await screen.findByText('The server does not reach itself there.')).toBeTruthy();
    await userEvent.type(screen.getByLabelText('Password'), 'short');
    await userEvent.click(screen.getByRole('button', { name: 'Finish setup' }));
    expect(sent).toBeUndefined();
    expect(screen.getByText('At least 8 characters; 5 so far.')).toBeTruthy();
    await userEvent.type(screen.getByLabelText('Password'), ' but long enough');
    await userEvent.click(screen.getByRole('button', { name: 'Finish setup' }));
    await waitFor(() => expect(done).toHaveBeenCalledOnce());
    expect(sent).toMatchObject({ token: 'once', name: 'admin', password: 'short but long enough', language: 'en' });
  });
});
