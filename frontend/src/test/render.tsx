import { MantineProvider } from '@mantine/core';
import { render } from '@testing-library/react';
import type { ReactElement } from 'react';
import { theme } from '../theme';

/** Renders a component with what every page has around it. */
export const show = (element: ReactElement) => render(<MantineProvider theme={theme} env="test">{element}</MantineProvider>);

/** Answers every request of a test by method and path; what is not named fails the test. */
export function answers(table: Record<string, (request: Request) => Response | Promise<Response>>): (request: Request) => Promise<Response> {
  return async (request) => {
    const asked = `${request.method} ${request.url.replace(/^.*\/api\/v1/, '')}`;
    const found = table[asked];
    if (!found) throw new Error(`unexpected request: ${asked}`);
    return found(request);
  };
}

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });

export const refusal = (status: number, code: string, message: string, fields: { field: string; message: string }[] = [], headers = {}) =>
  json({ error: { code, message, fields, requestId: 'r-1' } }, status, headers);
