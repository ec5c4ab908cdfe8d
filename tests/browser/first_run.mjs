// A stranger's first minute.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visiting, open } from './lib/browser.mjs';
import { demo } from './lib/world.mjs';

test('the one-time link of a demo signs in, and the first search has rows', async () => {
  const node = await demo();
  await visiting(node, {}, async (page) => {
    await open(page, node.link);
    await page.waitForURL((url) => url.pathname === '/');
    await page.locator('[data-row]').first().waitFor();
    assert.ok(await page.locator('[data-row]').count() >= 20, 'the first page has rows');
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    node.state = await page.context().storageState();
    await open(page, node.link);
    assert.equal(await page.locator('[data-row]').count(), 0, 'the link is good once');
  });
});
