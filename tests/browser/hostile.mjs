// Whatever an event holds, a page shows it and does nothing else with it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visiting, open, fits } from './lib/browser.mjs';
import { intruders } from './lib/hostile.mjs';
import { hostile } from './lib/world.mjs';

const at = (path, params) => `${path}?${new URLSearchParams(params)}`;

async function look(page, path, name) {
  const answer = await open(page, path);
  assert.ok(answer.status() < 500, `${name}: ${path.slice(0, 200)} answered ${answer.status()}`);
  assert.deepEqual(await page.evaluate(intruders), [], `${name}: ${path.slice(0, 200)}`);
  await fits(page);
  return answer.status();
}

const NARROW = { width: 360, height: 740 };

test('hostile texts: the page of each event, its timeline and its actor', async () => {
  const node = await hostile();
  // A browser cannot ask for every address that we are asked to make; what it asks must be answered well.
  await visiting(node, { key: node.key, ...NARROW, allow: /status of (400|404|414)/ }, async (page) => {
    for (const { name, event } of node.events) {
      const { actor, targets } = event;
      assert.equal(await look(page, at(`/events/${event.id}`, { trail: 'default' }), name), 200, name);
      await look(page, `/people/${encodeURIComponent(actor.id)}`, `${name}, person`);
      await look(page, at('/timeline', { resource_type: targets[0].type, resource_id: targets[0].id }), `${name}, timeline`);
    }
  });
});

test('hostile texts: lists, charts, settings', async () => {
  const node = await hostile();
  for (const theme of ['light', 'dark']) {
    await visiting(node, { key: node.key, theme, ...NARROW, allow: /status of 400/ }, async (page) => {
      for (const path of ['/', '/?q=action:hostile.*', '/?page_size=100', '/overview?all=1', '/people?all=1', '/live', '/timeline', '/export', '/alerts', '/alerts?state=all', '/rules', '/reviews', '/settings/keys', '/settings/trails', '/settings/node', '/settings/searches', '/search/unfinished']) {
        await look(page, path, 'lists');
      }
      const { context, actor } = node.events.find(({ name }) => name === 'script').event;
      await look(page, at('/timeline', { correlation_id: context.correlation_id }), 'correlation');
      await look(page, at('/', { q: actor.id }), 'as a query');
      for (const event of node.huge) assert.equal(await look(page, `/events/${event.id}`, 'huge'), 200);
    });
  }
});
