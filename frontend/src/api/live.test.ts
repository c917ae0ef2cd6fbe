import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backoff, LiveConnection, type LiveEvent } from './live';
import type { ServerFrame } from './types';

class FakeSocket {
  readyState = 0;
  sent: unknown[] = [];
  onopen: ((event: Event) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  send = (text: string) => void this.sent.push(JSON.parse(text));
  close = () => void (this.readyState = 3);
  open() {
    this.readyState = 1;
    this.onopen?.(new Event('open'));
  }
  drop() {
    this.readyState = 3;
    this.onclose?.(new Event('close') as CloseEvent);
  }
  tell(frame: ServerFrame) {
    this.onmessage?.({ data: JSON.stringify(frame) } as MessageEvent);
  }
}

const sockets: FakeSocket[] = [];
const last = () => sockets.at(-1) ?? new FakeSocket();
const connect = () => {
  const live = new LiveConnection(
    () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    () => 0.5,
  );
  live.start();
  return live;
};

beforeEach(() => {
  vi.useFakeTimers();
  sockets.length = 0;
});
afterEach(() => vi.useRealTimers());

describe('the wait before reconnecting', () => {
  it('begins at half a second and never exceeds half a minute', () => {
    expect(backoff(0, () => 0.9)).toBe(500);
    for (let attempt = 1; attempt < 40; attempt += 1) {
      for (const random of [0, 0.3, 0.999]) {
        const wait = backoff(attempt, () => random);
        expect(wait).toBeGreaterThanOrEqual(500);
        expect(wait).toBeLessThanOrEqual(30_000);
      }
    }
    expect(backoff(39, () => 0)).toBe(15_000);
  });
});

describe('the live connection', () => {
  it('asks for everything again after a cut, from the revision last seen', () => {
    const live = connect();
    live.subscribe('clusters', 7, () => undefined);
    last().open();
    expect(last().sent).toEqual([{ type: 'subscribe', id: '1', topic: 'clusters', since: 7 }]);
    last().tell({ type: 'changed', id: '1', revision: 12 });
    last().drop();
    expect(live.state.kind).toBe('waiting');
    vi.advanceTimersByTime(500);
    last().open();
    expect(sockets).toHaveLength(2);
    expect(last().sent).toEqual([{ type: 'subscribe', id: '1', topic: 'clusters', since: 12 }]);
    expect(live.state.kind).toBe('live');
  });

  it('keeps trying for ever', () => {
    const live = connect();
    for (let attempt = 0; attempt < 30; attempt += 1) {
      last().drop();
      vi.advanceTimersByTime(30_000);
    }
    expect(sockets).toHaveLength(31);
    last().open();
    expect(live.state.kind).toBe('live');
  });

  it('holds news back while paused and tells the latest on resuming', () => {
    const live = connect();
    const heard: LiveEvent[] = [];
    live.subscribe('clusters', 1, (event) => heard.push(event));
    last().open();
    live.pause();
    last().tell({ type: 'changed', id: '1', revision: 2 });
    last().tell({ type: 'changed', id: '1', revision: 3 });
    expect(heard).toEqual([]);
    live.resume();
    expect(heard).toEqual([{ revision: 3 }]);
    expect(live.state.kind).toBe('live');
  });

  it('shares one subscription between listeners and ends it with the last', () => {
    const live = connect();
    last().open();
    const first = live.subscribe('overview', undefined, () => undefined);
    const second = live.subscribe('overview', undefined, () => undefined);
    first();
    expect(last().sent).toHaveLength(1);
    second();
    expect(last().sent.at(-1)).toEqual({ type: 'unsubscribe', id: '1' });
  });

  it('tells listeners when a subscription stands, since something may have been missed before', () => {
    const live = connect();
    const heard: LiveEvent[] = [];
    live.subscribe('clusters', undefined, (event) => heard.push(event));
    last().open();
    last().tell({ type: 'subscribed', id: '1', revision: 5 });
    expect(heard).toEqual([{ revision: 5, joined: true }]);
  });

  it('stops for good when asked', () => {
    const live = connect();
    last().open();
    const socket = last();
    live.stop();
    socket.drop();
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(1);
  });
});
