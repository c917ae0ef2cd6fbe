// One way to speak to the server: the client generated from its OpenAPI document, with a deadline on every request
// and refusals thrown as ApiFailure with the server's code and sentence.
import createClient from 'openapi-fetch';
import { basePath } from './base';
import type { paths } from './schema';
import type { ErrorBody, FieldError, ProbeReport } from './types';

/** Answers later than this count as a fault of the way there. */
const DEADLINE_MS = 30_000;

export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: FieldError[];
  readonly requestId: string | undefined;
  readonly probe: ProbeReport | undefined;
  readonly retryAfter: number | undefined;

  constructor(status: number, body: Partial<Omit<ErrorBody, 'code'>> & { code?: string }, retryAfter?: number) {
    super(body.message ?? '');
    this.name = 'ApiFailure';
    this.status = status;
    this.code = body.code ?? 'unknown';
    this.fields = body.fields ?? [];
    this.requestId = body.requestId;
    this.probe = body.probe ?? undefined;
    this.retryAfter = retryAfter;
  }
}

/** Where 401 is an answer about what was typed or about nobody being there yet, not the end of a session. */
const asksWhoIsThere = ['/sessions', '/me', '/me/password', '/setup'];

let onSignedOut: (() => void) | undefined;
/** Called when the server no longer knows this session. */
export function whenSignedOut(action: () => void): void {
  onSignedOut = action;
}

async function failure(response: Response): Promise<ApiFailure> {
  let body: Partial<ErrorBody> = {};
  try {
    body = ((await response.json()) as { error?: ErrorBody }).error ?? {};
  } catch {
    // A proxy answered with something that is not ours; the status has to do.
  }
  const wait = Number(response.headers.get('retry-after'));
  return new ApiFailure(response.status, body, Number.isFinite(wait) && wait > 0 ? wait : undefined);
}

async function send(request: Request): Promise<Response> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  let response: Response;
  try {
    response = await fetch(request, { signal: AbortSignal.any([request.signal, deadline]) });
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    throw new ApiFailure(0, { code: deadline.aborted ? 'timeout' : 'no_connection' });
  }
  if (response.ok) return response;
  const refused = await failure(response);
  const path = new URL(request.url).pathname.replace(`${basePath}/api/v1`, '');
  if (refused.status === 401 && !asksWhoIsThere.includes(path)) onSignedOut?.();
  throw refused;
}

const withoutNothing = (query: Record<string, unknown>): string => {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') search.set(key, String(value));
  }
  return search.toString();
};

export const api = createClient<paths>({
  baseUrl: location.origin + basePath,
  fetch: send,
  querySerializer: withoutNothing,
  credentials: 'same-origin',
});

/** The body of an answer; refusals have been thrown before. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}

/** Names the version that a change is meant for. */
export const ifMatch = (version: number | undefined) => (version === undefined ? {} : { headers: { 'if-match': `"${version}"` } });
