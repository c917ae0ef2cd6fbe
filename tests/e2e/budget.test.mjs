// The sizes of the build, by the same script as `npm run budget`.
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

test('the build keeps its size budgets', () => {
  execFileSync(process.execPath, ['scripts/budget.mjs'], { cwd: new URL('../../frontend/', import.meta.url), stdio: 'inherit' });
});
