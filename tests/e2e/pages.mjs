// Every page in every state worth a look: what the accessibility test visits and what pictures are made of.
const fed = '/w/acme/p/shop/fed/deployments.apps/web';
/** The page has its heading and waits for nothing more. */
export const ready = (page) =>
  page.waitForFunction(() => document.querySelector('h1') !== null && document.querySelector('[aria-busy="true"], .skeleton, [data-waiting]') === null);
// The preview of what stands there is in, so it could be applied. The button is looked at as it is then, not while it changes.
const applicable = async (page) => {
  await page.locator('.cm-content').waitFor();
  await page.locator('.wizard-apply button:not([disabled])').waitFor();
  await ready(page);
};
const paste = async (page, text) => {
  await page.getByRole('textbox', { name: /kubeconfig/i }).fill(text);
  await page.locator('.ladder .num').first().waitFor();
  await page.locator('.ladder[aria-busy="false"]').waitFor();
};
const byAgent = async (page) => {
  await page.locator('input[value=agent] + label').click();
  await page.locator('main form input').first().waitFor();
};
/** Makes a cluster for an agent; the mock goes as far as its name says. */
const joinAs = async (page, name) => {
  await byAgent(page);
  // Several tabs share one mock, and a name is taken once.
  await page.locator('main form input').first().fill(`${name}-${Math.random().toString(36).slice(2, 8)}`);
  await page.locator('main form button[type=submit]').click();
  await page.locator('.ladder').waitFor();
};
/** For this document a minute's wait is over at once; the clock of the whole page would stay changed for the next. */
const impatient = (page) =>
  page.evaluate(() => {
    const wait = globalThis.setTimeout;
    globalThis.setTimeout = (run, ms, ...given) => wait(run, ms === 60_000 ? 0 : ms, ...given);
  });
const long = (prefix) => `${prefix}-with-a-name-as-long-as-names-may-be-in-kubernetes-and-not-more`.slice(0, 63);
const buttonIn = (page, place, index) => page.locator(place).locator('button, a').nth(index).click();

export const pages = {
  setup: { state: 'setup', path: '/setup#token=abc' },
  'setup-without-token': { state: 'setup', path: '/setup', act: (page) => page.locator('button[type=submit]').click() },
  login: { state: 'door', path: '/login' },
  'login-refused': {
    state: 'door',
    path: '/login',
    act: async (page) => {
      await page.locator('input[autocomplete=username]').fill('admin');
      await page.locator('input[type=password]').fill('wrong');
      await page.locator('button[type=submit]').click();
      await page.getByRole('alert').waitFor();
    },
  },
  'home-empty': { state: 'empty', path: '/' },
  home: { state: 'loaded', path: '/' },
  'home-error': { state: 'error', path: '/' },
  'clusters-empty': { state: 'empty', path: '/clusters' },
  clusters: { state: 'loaded', path: '/clusters' },
  'clusters-error': { state: 'error', path: '/clusters' },
  cluster: { state: 'loaded', path: '/clusters/edge-2/overview' },
  'cluster-lost': { state: 'loaded', path: '/clusters/none/overview' },
  'cluster-edit': { state: 'loaded', path: '/clusters/eu-1/overview', act: (page) => buttonIn(page, '.page-head', 0) },
  'cluster-detach': { state: 'loaded', path: '/clusters/eu-1/overview', act: (page) => buttonIn(page, '.page-head', 1) },
  import: { state: 'loaded', path: '/clusters/import' },
  'import-passed': {
    state: 'loaded',
    path: '/clusters/import',
    act: (page) => paste(page, 'contexts:\n- context: {}\n  name: admin@eu-3\n- context: {}\n  name: admin@eu-4\ncurrent-context: admin@eu-3\n'),
  },
  'import-failed': { state: 'loaded', path: '/clusters/import', act: (page) => paste(page, 'current-context: x\n# fail: tls\n') },
  ...Object.fromEntries(
    ['parse', 'resolve', 'connect', 'authentication', 'version', 'permissions', 'identity', 'clock'].map((step) => [
      `import-failed-${step}`,
      { state: 'loaded', path: '/clusters/import', act: (page) => paste(page, `current-context: x\n# fail: ${step}\n`) },
    ]),
  ),
  'agent-new': { state: 'loaded', path: '/clusters/import', act: byAgent },
  'agent-waiting': { state: 'loaded', path: '/clusters/import', act: (page) => joinAs(page, 'waiting') },
  'agent-stalled': {
    state: 'loaded',
    path: '/clusters/import',
    act: async (page) => {
      await impatient(page);
      await joinAs(page, 'waiting-long');
      await page.locator('.plain-list').waitFor();
    },
  },
  'agent-expired': {
    state: 'loaded',
    path: '/clusters/import',
    act: async (page) => {
      await joinAs(page, 'expired');
      await page.getByRole('alert').waitFor();
    },
  },
  'agent-refused': { state: 'loaded', path: '/clusters/import', act: (page) => joinAs(page, 'refused') },
  'agent-done': { state: 'loaded', path: '/clusters/import', act: (page) => joinAs(page, 'joined') },
  'agent-again': {
    state: 'loaded',
    path: '/clusters/edge-2/overview',
    act: async (page) => {
      await buttonIn(page, '.page-head', 0);
      await page.locator('[role=dialog][aria-labelledby] .actions button').last().click();
      await page.locator('[role=dialog] textarea').first().waitFor();
    },
  },
  'home-limited': { state: 'limited', path: '/' },
  'clusters-limited': { state: 'limited', path: '/clusters' },
  'audit-denied': { state: 'limited', path: '/audit' },
  'members-limited': { state: 'limited', path: '/w/acme/members' },
  'matrix-limited': { state: 'limited', path: `${fed}/status` },
  'home-long': { state: 'long', path: '/' },
  'clusters-long': { state: 'long', path: '/clusters' },
  'cluster-long': { state: 'long', path: `/clusters/${long('us-1')}/overview` },
  'matrix-long': { state: 'long', path: `/w/${long('acme')}/p/${long('shop')}/fed/deployments.apps/${long('web')}/status` },
  'wizard-long': {
    state: 'long',
    path: `/w/${long('acme')}/p/${long('shop')}/fed/new`,
    act: applicable,
  },
  'workspaces-empty': { state: 'empty', path: '/workspaces' },
  workspaces: { state: 'loaded', path: '/workspaces' },
  'workspaces-error': { state: 'error', path: '/workspaces' },
  'workspace-new': { state: 'loaded', path: '/workspaces/new' },
  'workspace-new-empty': { state: 'empty', path: '/workspaces/new' },
  workspace: { state: 'loaded', path: '/w/acme/overview' },
  'workspace-error': { state: 'error', path: '/w/acme/overview' },
  'workspace-settings': { state: 'loaded', path: '/w/acme/settings' },
  projects: { state: 'loaded', path: '/w/acme/projects' },
  'projects-empty': { state: 'loaded', path: '/w/data/projects' },
  'project-new': { state: 'loaded', path: '/w/acme/projects/new' },
  'project-settings': { state: 'loaded', path: '/w/acme/p/shop/settings' },
  'project-delete': { state: 'loaded', path: '/w/acme/p/shop/settings', act: (page) => page.locator('.panel button').last().click() },
  'workspace-members': { state: 'loaded', path: '/w/acme/members' },
  'members-add': { state: 'loaded', path: '/w/acme/members', act: (page) => buttonIn(page, '.page-head', 0) },
  'project-members': { state: 'loaded', path: '/w/acme/p/shop/members' },
  apps: { state: 'loaded', path: '/w/acme/p/shop/apps' },
  'apps-empty': { state: 'loaded', path: '/w/acme/p/checkout/apps' },
  'apps-error': { state: 'error', path: '/w/acme/p/shop/apps' },
  wizard: { state: 'loaded', path: '/w/acme/p/shop/fed/new', act: applicable },
  'wizard-divided': {
    state: 'loaded',
    path: '/w/acme/p/shop/fed/new',
    act: async (page) => {
      await applicable(page);
      // The preview is asked for again, and until it is there nothing can be applied.
      const preview = page.waitForResponse((response) => response.url().includes('/plan'));
      await page.locator('input[value=Divided] + label').click();
      await preview;
      await applicable(page);
      await page.locator('.panel button[aria-expanded]').first().click();
      await page.locator('.reason-row .yaml').waitFor();
    },
  },
  'wizard-problem': {
    state: 'loaded',
    path: '/w/acme/p/shop/fed/new',
    act: async (page) => {
      await page.locator('.cm-content').click();
      await page.keyboard.press('Control+Home');
      await page.keyboard.type('spec: [');
      await page.getByRole('alert').first().waitFor();
    },
  },
  'wizard-edit': { state: 'loaded', path: `${fed}/edit`, act: applicable },
  matrix: { state: 'loaded', path: `${fed}/status` },
  'matrix-open': {
    state: 'loaded',
    path: `${fed}/status`,
    act: async (page) => {
      await page.locator('tr[data-cluster="eu-2"] button').click();
      await page.locator('tr[data-cluster="edge-2"] button').click();
      await page.locator('.reason').nth(1).waitFor();
    },
  },
  'matrix-delete': { state: 'loaded', path: `${fed}/status`, act: (page) => buttonIn(page, '.page-head', 1) },
  spec: { state: 'loaded', path: `${fed}/spec` },
  history: { state: 'loaded', path: `${fed}/history` },
  users: { state: 'loaded', path: '/access/users' },
  'users-create': { state: 'loaded', path: '/access/users', act: (page) => buttonIn(page, '.page-head', 0) },
  audit: { state: 'loaded', path: '/audit' },
  'audit-error': { state: 'error', path: '/audit' },
  profile: { state: 'loaded', path: '/me/profile' },
  tokens: { state: 'loaded', path: '/me/tokens' },
  'tokens-empty': { state: 'empty', path: '/me/tokens' },
  'tokens-once': {
    state: 'loaded',
    path: '/me/tokens',
    act: async (page) => {
      await buttonIn(page, '.page-head', 0);
      await page.locator('[role=dialog] input').first().fill('ci-2');
      await page.locator('[role=dialog] button[type=submit]').click();
      await page.locator('.copy-line').waitFor();
    },
  },
  lost: { state: 'loaded', path: '/nowhere' },
  palette: { state: 'loaded', path: '/', act: (page) => page.keyboard.press('Control+k') },
  shortcuts: { state: 'loaded', path: '/', act: async (page) => {
    await page.keyboard.press('?');
    // The dialog gets its name a moment after it opens.
    await page.locator('[role=dialog][aria-labelledby]').waitFor();
  } },
  switcher: { state: 'loaded', path: '/w/acme/overview', act: (page) => page.locator('.shell-head .boxed').first().click() },
  account: { state: 'loaded', path: '/', act: (page) => page.locator('.shell-head .crumb-button').last().click() },
};
