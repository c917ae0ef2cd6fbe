// The live connection: one WebSocket per tab with many subscriptions. It reconnects for ever with jitter, goes on
// from the revision last seen, and can be paused by the person, in which case what changed is told on resuming.
import type { ClientFrame, ServerFrame } from './types';

export type LiveState = { kind: 'connecting' } | { kind: 'live' } | { kind: 'waiting'; until: number } | { kind: 'paused' };
/** `joined`: the subscription stands (again); what happened before that may have been missed. */
export type LiveEvent = { revision: number; joined?: true; data?: unknown };
type Subscription = {
  id: string;
  topic: string;
  revision: number | undefined;
  missed: LiveEvent | undefined;
  listeners: Set<(event: LiveEvent) => void>;
};
type Socket = Pick<WebSocket, 'send' | 'close' | 'readyState'> & {
  onopen: ((event: Event) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
};

const FIRST_MS = 500;
const LONGEST_MS = 30_000;
const OPEN = 1;

/** Time before attempt n (from 0): doubling from half a second to half a minute, the upper half of it by chance. */
export function backoff(attempt: number, random: () => number): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return attempt === 0 ? FIRST_MS : whole / 2 + (random() * whole) / 2;
}

export class LiveConnection {
  readonly #open: () => Socket;
  readonly #random: () => number;
  #socket: Socket | undefined;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #next = 1;
  #stopped = true;
  #state: LiveState = { kind: 'connecting' };
  readonly #byTopic = new Map<string, Subscription>();
  readonly #watchers = new Set<() => void>();

  constructor(open: () => Socket, random: () => number = Math.random) {
    this.#open = open;
    this.#random = random;
  }

  get state(): LiveState {
    return this.#state;
  }

  watchState = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Tries at once instead of waiting; for people who just got their network back. */
  retryNow(): void {
    if (this.#state.kind !== 'waiting') return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  pause(): void {
    this.#set({ kind: 'paused' });
  }

  resume(): void {
    if (this.#state.kind !== 'paused') return;
    const open = this.#socket?.readyState === OPEN;
    this.#set(open ? { kind: 'live' } : { kind: 'connecting' });
    for (const subscription of this.#byTopic.values()) {
      const missed = subscription.missed;
      subscription.missed = undefined;
      if (missed) subscription.listeners.forEach((listener) => listener(missed));
    }
  }

  subscribe(topic: string, since: number | undefined, listener: (event: LiveEvent) => void): () => void {
    let subscription = this.#byTopic.get(topic);
    if (subscription) {
      subscription.listeners.add(listener);
    } else {
      subscription = { id: String(this.#next++), topic, revision: since, missed: undefined, listeners: new Set([listener]) };
      this.#byTopic.set(topic, subscription);
      this.#ask(subscription);
    }
    const { id, listeners } = subscription;
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.#byTopic.get(topic)?.id !== id) return;
      this.#byTopic.delete(topic);
      this.#send({ type: 'unsubscribe', id });
    };
  }

  #set(state: LiveState): void {
    this.#state = state;
    this.#watchers.forEach((watcher) => watcher());
  }

  #send(frame: ClientFrame): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #ask(subscription: Subscription): void {
    const { id, topic, revision } = subscription;
    this.#send(revision === undefined ? { type: 'subscribe', id, topic } : { type: 'subscribe', id, topic, since: revision });
  }

  #connect(): void {
    if (this.#state.kind !== 'paused') this.#set({ kind: 'connecting' });
    const socket = this.#open();
    this.#socket = socket;
    socket.onopen = () => {
      this.#attempt = 0;
      if (this.#state.kind !== 'paused') this.#set({ kind: 'live' });
      for (const subscription of this.#byTopic.values()) this.#ask(subscription);
    };
    socket.onmessage = (event) => this.#receive(JSON.parse(String(event.data)) as ServerFrame);
    socket.onclose = () => {
      if (this.#stopped || this.#socket !== socket) return;
      const wait = backoff(this.#attempt, this.#random);
      this.#attempt += 1;
      if (this.#state.kind !== 'paused') this.#set({ kind: 'waiting', until: Date.now() + wait });
      this.#timer = setTimeout(() => this.#connect(), wait);
    };
  }

  #receive(frame: ServerFrame): void {
    const subscription = [...this.#byTopic.values()].find((one) => one.id === frame.id);
    if (!subscription) return;
    if (frame.type === 'closed') {
      this.#byTopic.delete(subscription.topic);
      return;
    }
    subscription.revision = Math.max(subscription.revision ?? 0, frame.revision);
    const event: LiveEvent = { revision: frame.revision };
    if (frame.type === 'subscribed') event.joined = true;
    else if (frame.data !== undefined) event.data = frame.data;
    if (this.#state.kind === 'paused') subscription.missed = event;
    else subscription.listeners.forEach((listener) => listener(event));
  }
}
