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
  });
  await visiting(node, { allow: /status of 401/ }, async (page) => {
    await open(page, node.link);
    assert.equal(await page.locator('[data-row]').count(), 0, 'the link is good once');
    await page.locator('#signin').waitFor();
  });
});

test('a key signs in, leads on to where one wanted to go, and signs out', async () => {
  const node = await demo();
  await visiting(node, { allow: /status of 401/ }, async (page) => {
    await open(page, '/overview');
    await page.locator('#key').fill('idl_not-a-key');
    await page.locator('#key').press('Enter');
    await page.locator('[role=alert]').waitFor();
    await page.locator('#key').fill(node.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL((url) => url.pathname === '/overview');
    const [cookie] = (await page.context().cookies()).filter(({ name }) => name.includes('session'));
    assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict', JSON.stringify(cookie));
    await page.locator('.side .menu summary').click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL((url) => url.pathname === '/login');
    await open(page, '/');
    assert.equal(new URL(page.url()).pathname, '/login');
  });
});
