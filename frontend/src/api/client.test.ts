import { describe, expect, it, vi } from 'vitest';
import { answers, json, refusal } from '../test/render';
import { ApiFailure } from './client';
import { clusters, session } from './endpoints';
import type { ProbeResult } from './types';

describe('requests', () => {
  it('leave out what is not asked', async () => {
    vi.stubGlobal('fetch', answers({ 'GET /clusters?search=a+b&limit=5': () => json({ items: [], total: 0, revision: 1 }) }));
    await expect(clusters.list({ search: 'a b', limit: 5, sort: '' })).resolves.toMatchObject({ total: 0 });
  });

  it('turn a refusal into a failure with code, fields and waiting time', async () => {
    vi.stubGlobal('fetch', answers({ 'POST /sessions': () => refusal(429, 'too_many_requests', 'wait', [{ field: 'name', message: 'bad' }], { 'retry-after': '7' }) }));
    const failure = await session.signIn('a', 'b').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ApiFailure);
    expect(failure).toMatchObject({ status: 429, code: 'too_many_requests', retryAfter: 7, requestId: 'r-1', fields: [{ field: 'name', message: 'bad' }] });
  });

  it('survive an answer that is not ours', async () => {
    vi.stubGlobal('fetch', answers({ 'GET /me': () => new Response('<html>bad gateway</html>', { status: 502 }) }));
    await expect(session.me()).rejects.toMatchObject({ status: 502, code: 'unknown' });
  });

  it('say that there is no connection', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')));
    await expect(session.me()).rejects.toMatchObject({ status: 0, code: 'no_connection' });
  });

  it('send the version that a change is meant for', async () => {
    let sent: Headers | undefined;
    vi.stubGlobal('fetch', answers({ 'PATCH /clusters/eu': (request) => ((sent = request.headers), json({})) }));
    await clusters.update('eu', { labels: {} }, 4);
    expect(sent?.get('if-match')).toBe('"4"');
  });
});

describe('the probe ladder', () => {
  const stream = (chunks: string[]) =>
    new Response(new ReadableStream({ start: (controller) => (chunks.forEach((chunk) => controller.enqueue(new TextEncoder().encode(chunk))), controller.close()) }));
  const step = (name: string) => ({ step: name, state: 'passed', message: 'grüße', durationMs: 1 });

  it('tells each step even when lines arrive in pieces', async () => {
    const whole = `${JSON.stringify(step('parse'))}\n${JSON.stringify(step('resolve'))}\n${JSON.stringify({ passed: true, steps: [step('parse'), step('resolve')], contexts: ['a'] })}\n`;
    vi.stubGlobal('fetch', answers({ 'POST /clusters/probe': () => stream([whole.slice(0, 13), whole.slice(13, 80), whole.slice(80)]) }));
    const seen: ProbeResult[] = [];
    const report = await clusters.probe({ kubeconfig: 'x' }, (one) => seen.push(one));
    expect(seen.map((one) => one.step)).toEqual(['parse', 'resolve']);
    expect(report.contexts).toEqual(['a']);
  });

  it('gives the refusal that ends a stream', async () => {
    vi.stubGlobal('fetch', answers({ 'POST /clusters/probe': () => stream([`{"error":{"code":"internal","message":"broke"}}\n`]) }));
    await expect(clusters.probe({ kubeconfig: 'x' }, () => undefined)).rejects.toMatchObject({ code: 'internal', message: 'broke' });
  });
});
