// The mock as a server: the built console beside the canned API, with the live connection and the headers of the real
// server that a browser minds.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { WebSocketServer } from '../deps.mjs';
import { answer, ladder } from './api.mjs';
import { empty, loaded, long } from './data.mjs';

const dist = new URL('../../../frontend/dist/', import.meta.url).pathname;
const media = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
const policy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'; form-action 'self'";
const PREFIX = '/api/v1/';

const states = {
  loaded,
  empty,
  long,
  limited: () => ({ ...loaded(), clusters: [], limited: true }),
  error: () => ({ ...loaded(), broken: true }),
  setup: () => ({ ...empty(), needsSetup: true, signedIn: false }),
  door: () => ({ ...loaded(), signedIn: false }),
};

/** Starts a mock in one state; `base` serves it below a path. */
export async function startMock(kind, { port = 0, base = '', stepMs = 60 } = {}) {
  const state = states[kind]();
  const sockets = new WebSocketServer({ noServer: true });
  const followers = new Set();
  const tell = (topic, body) => {
    for (const follower of followers) {
      for (const [id, followed] of follower.topics) {
        if (followed !== topic && !topic.startsWith(`${followed}/`)) continue;
        follower.socket.send(JSON.stringify({ type: 'changed', id, revision: 2, ...(followed === topic ? { data: body } : {}) }));
      }
    }
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://mock');
    if (!url.pathname.startsWith(base)) return void response.writeHead(404).end();
    const path = url.pathname.slice(base.length);
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      if (path.startsWith(PREFIX)) api(request, response, path.slice(PREFIX.length - 1), url, text);
      else file(response, path);
    });
  });

  function api(request, response, path, url, text) {
    const body = text === '' ? undefined : JSON.parse(text);
    const send = (status, value) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(value === undefined ? '' : JSON.stringify(value));
    };
    if (path === '/clusters/probe') {
      const report = ladder(body.kubeconfig);
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      report.steps.forEach((step, index) => setTimeout(() => response.write(`${JSON.stringify(step)}\n`), stepMs * (index + 1)));
      setTimeout(() => response.end(`${JSON.stringify(report)}\n`), stepMs * (report.steps.length + 1));
      return;
    }
    try {
      const value = answer(state, { method: request.method, path, query: Object.fromEntries(url.searchParams), body }, tell);
      send(value === undefined ? 204 : request.method === 'POST' ? 201 : 200, value);
      if (request.method !== 'GET' && !path.endsWith('/plan')) tell(path.slice(1), undefined);
    } catch (error) {
      if (!error.status) throw error;
      send(error.status, { error: { code: error.code, message: error.message, fields: error.fields, requestId: '0190-3f2a' } });
    }
  }

  function file(response, path) {
    const wanted = dist + path.replace(/^\/+/, '');
    const isFile = extname(path) !== '' && existsSync(wanted);
    const name = isFile ? wanted : `${dist}index.html`;
    const body = isFile ? readFileSync(name) : readFileSync(name, 'utf8').replace('<base href="/" />', `<base href="${base}/" />`);
    response.writeHead(200, { 'content-type': media[extname(name)] ?? 'application/octet-stream', 'content-security-policy': policy, 'cache-control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache' });
    response.end(body);
  }

  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (opened) => {
      const follower = { socket: opened, topics: new Map() };
      followers.add(follower);
      opened.on('close', () => followers.delete(follower));
      opened.on('message', (raw) => {
        const frame = JSON.parse(String(raw));
        if (frame.type === 'unsubscribe') return void follower.topics.delete(frame.id);
        follower.topics.set(frame.id, frame.topic);
        opened.send(JSON.stringify({ type: 'subscribed', id: frame.id, revision: 1 }));
      });
    });
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}${base}`,
    state,
    /** Ends live connections; browsers come back by themselves. */
    cut: () => sockets.clients.forEach((socket) => socket.terminate()),
    async stop() {
      sockets.clients.forEach((socket) => socket.terminate());
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
