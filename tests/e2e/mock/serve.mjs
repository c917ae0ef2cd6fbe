// `npm run mock [state]`: the mock for development, on port 8090.
import { startMock } from './server.mjs';

const mock = await startMock(process.argv[2] ?? 'loaded', { port: 8090, stepMs: 250 });
console.log(`mock API on ${mock.url}`);
