// Live: what happens is there at once, and what happened meanwhile is not lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visiting, open, until } from './lib/browser.mjs';
import { Node } from './lib/node.mjs';
import { empty } from './lib/world.mjs';

const event = (n) => ({ action: 'live.test', user_id: `u${n}`, resource_type: 'thing', resource_id: `t-${n}` });
const row = (page, id) => page.locator(`#live-rows [data-row][data-href*="${id}"]`);
const connected = (page) => page.locator('#live-state[data-state=connected]').waitFor();
const shown = (page) => page.locator('#live-rows [data-row]').evaluateAll((all) => all.map(({ dataset }) => dataset.href.match(/events\/([^?]+)/)[1]));

test('an event is on the page within two seconds; while paused none moves, then all are there', async () => {
  const node = await empty();
  await visiting(node, { key: node.key }, async (page) => {
    await open(page, '/live?q=action:live.test');
    await connected(page);
    const start = Date.now();
    const [{ id }] = await node.append(event(1));
    await row(page, id).waitFor({ timeout: 2000 });
    console.log(`# an event was on the live page after ${Date.now() - start} ms`);
    await page.locator('#live-pause').click();
    assert.equal(await page.locator('#live-pause').getAttribute('aria-pressed'), 'true');
    const ids = (await node.append(event(2), event(3))).map(({ id }) => id);
    await until('two are waiting', async () => /\b2\b/.test(await page.locator('#live-pause').innerText()));
    assert.equal(await row(page, ids[0]).count(), 0, 'a paused page stands still');
    await page.locator('#live-pause').click();
    for (const one of ids) await row(page, one).waitFor();
    // What does not match stays away.
    await node.append({ action: 'live.other' });
    const [{ id: last }] = await node.append(event(4));
    await row(page, last).waitFor();
    assert.deepEqual((await shown(page)).slice(0, 4), [last, ids[1], ids[0], id], 'newest first, and nothing else');
  });
});

test('after the node was restarted the page goes on, without a gap and without a double', async () => {
  const node = await Node.empty();
  try {
    await visiting(node, { key: node.key, allow: /Failed to load resource|ERR_/ }, async (page) => {
      await node.append(event(1), event(2));
      await open(page, '/live?q=action:live.test');
      await connected(page);
      await node.append(event(3));
      await until('three rows', async () => (await shown(page)).length === 3);
      await node.stop();
      await page.locator('#live-state[data-state=reconnecting]').waitFor();
      await node.start();
      // Before the page is back: it has to catch up.
      await node.append(...Array.from({ length: 40 }, (_, n) => event(n + 4)));
      await page.locator('#live-state[data-state=connected]').waitFor({ timeout: 15_000 });
      await node.append(event(44));
      await until('all of them', async () => (await shown(page)).length >= 44, 15_000);
      const { json } = await node.ask('/api/audit/logs?q=action:live.test&page_size=100');
      assert.deepEqual(await shown(page), json.events.map(({ id }) => id), 'each once, in their order');
    });
  } finally {
    await node.discard();
  }
});
