// Without JavaScript: less comfort, and still all of the work.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visiting, open } from './lib/browser.mjs';
import { address, known, pages } from './lib/site.mjs';
import { Node } from './lib/node.mjs';
import { demo } from './lib/world.mjs';

const rows = (page) => page.locator('[data-row]');
const addresses = (page) => rows(page).evaluateAll((all) => all.map((row) => row.dataset.href));

test('without scripts: sign in, search, page on, open an event, its timeline, export', async () => {
  const node = await demo();
  const { linked } = await known(node);
  await visiting(node, { scripts: false }, async (page) => {
    await open(page, '/');
    await page.locator('#key').fill(node.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL((url) => url.pathname === '/');
    await page.locator('#q').fill(`trail:${linked.trail}`);
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await page.waitForURL((url) => url.searchParams.get('q') === `trail:${linked.trail}`);
    const first = await addresses(page);
    assert.ok(first.length >= 25);
    await page.locator('a[rel=next]').click();
    await page.waitForURL((url) => url.searchParams.has('cursor'));
    const second = await addresses(page);
    assert.ok(second.length && second.every((one) => !first.includes(one)), 'the next page has other rows');
    await rows(page).first().locator('a.said').click();
    await page.waitForURL(/\/events\//);
    assert.ok(await page.locator('#raw').isVisible());
    await open(page, address(linked));
    await page.locator('main a[href^="/timeline?"]').first().click();
    await page.waitForURL(/\/timeline\?/);
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.waitForURL(/\/overview/);
    await page.getByRole('link', { name: 'Show all of this page' }).click();
    await page.waitForURL((url) => url.pathname === '/overview' && url.search);
    assert.match(await page.locator('main').innerText(), /3,\d\d\d/);
    await open(page, `/?q=action%3Abackup.delete`);
    await page.locator('#export').click();
    await page.waitForURL(/\/export/);
    const [file] = await Promise.all([page.waitForEvent('download'), page.locator('#download').click()]);
    assert.match(file.suggestedFilename(), /\.csv$/);
  });
});

test('without scripts: an admin makes a key, and revokes it', async () => {
  const node = await Node.empty();
  try {
    await visiting(node, { scripts: false }, async (page) => {
      await open(page, '/settings/keys');
      await page.locator('#key').fill(node.key);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.waitForURL(/\/settings\/keys$/);
      await page.locator('#new-key').click();
      await page.locator('input[name=name]').fill('made by hand');
      await page.locator('input[name=role][value=reader]').check();
      await page.locator('#make button').click();
      await page.locator('#confirm').getByRole('button').click();
      const key = (await page.locator('main').innerText()).match(/idl_[A-Za-z0-9_-]{20,}/)?.[0];
      assert.ok(key, `the new key is shown once: ${await page.locator('main').innerText()}`);
      assert.equal((await node.ask('/api/me', { key })).json.role, 'reader');
      await open(page, '/settings/keys');
      await page.locator('tr', { hasText: 'made by hand' }).getByRole('link', { name: /revoke/i }).click();
      await page.locator('#confirm').getByRole('button').click();
      assert.equal((await node.ask('/api/me', { key })).status, 401);
    });
  } finally {
    await node.discard();
  }
});

test('without scripts every page has its content, and nothing that waits for ever', async () => {
  const node = await demo();
  await visiting(node, { key: node.key, scripts: false, allow: /status of 4\d\d/ }, async (page) => {
    for (const { name, path } of await pages(node)) {
      await open(page, path);
      const main = page.locator('main');
      assert.ok((await main.innerText()).trim().length > 20, `${name} is empty`);
      const waiting = await page.locator('main [aria-busy=true]').evaluateAll((all) => all.filter((piece) => !piece.querySelector('a')).map(({ id, className }) => id || className));
      assert.deepEqual(waiting, [], `${name}: pieces that only a script brings, and no link to them`);
    }
  });
});
