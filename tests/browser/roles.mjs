// Who may see and do what: the pages give no more, and no less, than the API does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visiting, open } from './lib/browser.mjs';
import { pages } from './lib/site.mjs';
import { demo, once } from './lib/world.mjs';

const READ = ['Search', 'Live', 'Overview', 'Timeline', 'People'];
/** What each may see (`may` of a page), and what stands in its navigation. */
const ROLES = {
  writer: { sees: [], navigation: [] },
  reader: { sees: ['read'], navigation: READ },
  auditor: { sees: ['read', 'audit'], navigation: [...READ, 'Export'] },
  admin: { sees: ['read', 'audit', 'admin'], navigation: [...READ, 'Export', 'Settings'] },
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
      for (const { action, fields } of here) found.set(action + fields.map(([name]) => name), { action, fields, page: path });
    }
  });
  return [...found.values()];
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
    await visiting(node, { key: await key(node, role), allow: /status of 4\d\d/ }, async (page) => {
      for (const { name, path, may, status = 200 } of await pages(node)) {
        const answer = await open(page, path);
        const wanted = sees.includes(may) ? [status, ...(name === 'search-error' ? [400] : [])] : [403, 404];
        assert.ok(wanted.includes(answer.status()), `${name} for a ${role}: ${answer.status()}, not ${wanted}`);
        const words = await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allInnerTexts();
        assert.deepEqual(words.map((word) => word.trim()), navigation, `the navigation of a ${role} on ${name}`);
        if (!sees.includes(may)) assert.equal(await page.locator('main form[method=post]:not([action="/logout"]), main [data-row]').count(), 0, `${name} shows a ${role} what is not theirs`);
      }
    });
  });
}

test('who is not signed in is led to where they can, and comes back', async () => {
  const node = await demo();
  await visiting(node, {}, async (page) => {
    for (const { name, path } of await pages(node)) {
      await open(page, path);
      const here = new URL(page.url());
      assert.equal(here.pathname, '/login', `${name} shows itself to anybody`);
      assert.equal(here.searchParams.get('next'), path, name);
      assert.equal(await page.locator('[data-row]').count(), 0, name);
    }
  });
});

test('a form that is not theirs is refused, whoever sends it by hand', async () => {
  const node = await demo();
  const all = (await forms(node)).filter(({ action }) => !/^\/(logout|login|theme)/.test(action));
  assert.ok(all.length > 2, `an admin has forms: ${all.map(({ action }) => action)}`);
  const before = (await node.ask('/api/keys')).text;
  for (const form of all) {
    for (const role of ['writer', 'reader', 'auditor']) {
      // What one keeps for oneself, everybody who reads may keep.
      if (form.own && role !== 'writer') continue;
      const { status } = await post(node, form, { authorization: `Bearer ${await key(node, role)}` });
      assert.ok([401, 403, 404].includes(status), `POST ${form.action} by a ${role}: ${status}`);
    }
    const nobody = await post(node, form);
    assert.ok([401, 403].includes(nobody.status) || (nobody.status === 303 && nobody.to.startsWith('/login')), `POST ${form.action} by nobody: ${nobody.status} ${nobody.to}`);
  }
  assert.equal((await node.ask('/api/keys')).text, before, 'no key was made or revoked');
});
