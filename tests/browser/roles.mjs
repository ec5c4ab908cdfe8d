// Who may see and do what: the pages give no more, and no less, than the API does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visiting, open } from './lib/browser.mjs';
import { pages } from './lib/site.mjs';
import { demo, once } from './lib/world.mjs';

const READ = ['Search', 'Live', 'Overview', 'Timeline', 'People'];
const AUDIT = ['Alerts', 'Reviews', 'Export'];
/** What each may see (`may` of a page), and what stands in its navigation. */
const ROLES = {
  writer: { sees: ['all'], navigation: [] },
  reader: { sees: ['all', 'read'], navigation: READ },
  auditor: { sees: ['all', 'read', 'audit'], navigation: [...READ, ...AUDIT] },
  admin: { sees: ['all', 'read', 'audit', 'admin'], navigation: [...READ, ...AUDIT, 'Settings'] },
};

const key = (node, role) => once(`key of ${role} at ${node.url}`, () => node.made(role));

/** Forms of an admin's pages that change something: where they go, and what they send. */
const forms = (node) => once(`forms of ${node.url}`, async () => {
  const found = new Map();
  await visiting(node, { key: node.key, allow: /status of 4\d\d/ }, async (page) => {
    for (const { path } of await pages(node)) {
      await open(page, path);
      const here = await page.evaluate(() => [...document.querySelectorAll('form')].filter(({ method }) => method === 'post').map((form) => ({
        action: new URL(form.getAttribute('action') ?? '', location.href).pathname + new URL(form.getAttribute('action') ?? '', location.href).search,
        fields: [...new FormData(form)].map(([name, value]) => [name, String(value)]),
      })));
      for (const { action, fields } of here) found.set(action, { action, fields: [...fields, ['confirm', 'yes'], ['name', 'by hand'], ['role', 'admin']] });
    }
    const { json } = await node.ask('/api/keys');
    found.set('revoke', { action: `/settings/keys/${json.keys[0].id}/revoke`, fields: [['confirm', 'yes']] });
  });
  return [...found.values()];
});

/** The cookie of an admin's browser. */
const session = (node) => once(`session at ${node.url}`, async () => {
  const answer = await fetch(`${node.url}/api/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ key: node.key }) });
  return answer.headers.get('set-cookie').split(';')[0];
});

/** Sends a form as a browser does that shows a page of ours, or of somebody else's. */
async function post(node, { action, fields }, headers = {}) {
  const answer = await fetch(node.url + action, {
    method: 'POST', redirect: 'manual', body: new URLSearchParams(fields),
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: node.url, 'sec-fetch-site': 'same-origin', ...headers },
  });
  return { status: answer.status, to: answer.headers.get('location') ?? '' };
}

for (const [role, { sees, navigation }] of Object.entries(ROLES)) {
  test(`a ${role} sees its pages, and no others`, async () => {
    const node = await demo();
    const own = await key(node, role);
    for (const { name, path, may, status = 200 } of await pages(node)) {
      const answer = await node.ask(path, { key: own });
      const wanted = sees.includes(may) ? [status, ...(name === 'search-error' ? [400] : [])] : [403, 404];
      assert.ok(wanted.includes(answer.status), `${name} for a ${role}: ${answer.status}, not ${wanted}`);
      const [, listed] = answer.text.match(/<nav aria-label="Pages">(.*?)<\/nav>/s) ?? [];
      const words = [...(listed ?? '').matchAll(/<span>([^<]*)<\/span>/g)].map(([, word]) => word);
      assert.deepEqual(words, navigation, `the navigation of a ${role} on ${name}`);
      if (sees.includes(may)) continue;
      const main = answer.text.match(/<main.*<\/main>/s)[0];
      assert.ok(!/data-row|<form[^>]*method="post"[^>]*action="(?!\/logout)/.test(main), `${name} shows a ${role} what is not theirs`);
    }
    await visiting(node, { key: own, allow: /status of 403/ }, async (page) => {
      await open(page, '/');
      // Without the number of open alerts, which comes later.
      const words = await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').locator('> span:first-of-type').allInnerTexts();
      assert.deepEqual(words.map((word) => word.trim()), navigation, `the navigation of a ${role}`);
    });
  });
}

test('who is not signed in is led to where they can, and comes back', async () => {
  const node = await demo();
  await visiting(node, {}, async (page) => {
    for (const { name, path, may } of await pages(node)) {
      await open(page, path);
      if (may === 'all') continue;
      const here = new URL(page.url());
      assert.equal(here.pathname, '/login', `${name} shows itself to anybody`);
      assert.equal(here.searchParams.get('next'), path, name);
      assert.equal(await page.locator('[data-row]').count(), 0, name);
    }
  });
});

test('a form that is not theirs is refused, whoever sends it by hand', async () => {
  const node = await demo();
  // Everybody has their own way out, and searches of their own.
  const all = (await forms(node)).filter(({ action }) => !/^\/(logout|login|settings\/searches)/.test(action));
  assert.ok(all.length >= 3, `an admin has forms: ${all.map(({ action }) => action)}`);
  const state = async () => [(await node.ask('/api/keys')).json.keys.map(({ id, revoked_at }) => [id, revoked_at]), (await node.ask('/api/trails')).json.trails.map(({ name, public: open }) => [name, open])];
  const own = await post(node, { action: '/settings/keys/new', fields: [['name', 'by the admin'], ['role', 'reader'], ['confirm', 'yes']] }, { cookie: await session(node) });
  assert.equal(own.status, 200, 'an admin\'s own page may');
  await Promise.all(['writer', 'reader', 'auditor'].map((role) => key(node, role)));
  const before = await state();
  for (const form of all) {
    // What becomes of an alert or a review is an auditor's to say.
    for (const role of ['writer', 'reader', ...(/^\/(alerts|reviews|rules|backtest)/.test(form.action) ? [] : ['auditor'])]) {
      const { status } = await post(node, form, { authorization: `Bearer ${await key(node, role)}` });
      assert.ok([401, 403, 404].includes(status), `POST ${form.action} by a ${role}: ${status}`);
    }
    const nobody = await post(node, form);
    assert.ok([401, 403].includes(nobody.status) || (nobody.status === 303 && nobody.to.startsWith('/login')), `POST ${form.action} by nobody: ${nobody.status} ${nobody.to}`);
    // An admin's own browser, led by another site: the cookie alone is no consent.
    const foreign = await post(node, form, { cookie: await session(node), origin: 'https://other.example', 'sec-fetch-site': 'cross-site' });
    assert.ok([401, 403].includes(foreign.status) || (foreign.status === 303 && foreign.to.startsWith('/login')), `POST ${form.action} from another site: ${foreign.status} ${foreign.to}`);
  }
  assert.deepEqual(await state(), before, 'nothing was changed');
});
