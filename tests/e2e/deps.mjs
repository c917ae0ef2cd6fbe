// The browser tests use the console's own dependencies; there is one lock file for both.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../frontend/package.json', import.meta.url));

export const { chromium } = require('playwright-core');
export const { WebSocketServer } = require('ws');
export const axeSource = require('axe-core').source;
