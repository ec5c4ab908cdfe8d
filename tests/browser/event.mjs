// An event, whole: what it changed, what belongs to it, and every value as it was recorded.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visiting, open, settled } from './lib/browser.mjs';
import { address, known } from './lib/site.mjs';
import { demo, empty } from './lib/world.mjs';

test('what an event changed is read member by member, before and after', async () => {
  const node = await empty();
  const [{ id }] = await node.append({
    action: 'price.update', user_id: 'maria', resource_type: 'item', resource_id: 'i-1',
    changes: {
      before: { price: 10, name: 'A quarterly report of sales', gone: true, same: 1, deep: { list: [1, 2] } },
      after: { price: 12, name: 'A yearly report of sales', new: null, same: 1, deep: { list: [1, 3] } },
    },
  });
  await node.published(id);
  await visiting(node, { key: node.key }, async (page) => {
    await open(page, `/events/${id}?trail=default`);
    const read = (path) => page.locator(`.diff tr[data-path="${path}"]`).evaluate((row) => [row.dataset.op, row.querySelector('.before').innerText.trim(), row.querySelector('.after').innerText.trim()]);
    assert.deepEqual(await read('/price'), ['change', '10', '12']);
    assert.deepEqual(await read('/name'), ['change', 'A quarterly report of sales', 'A yearly report of sales']);
    assert.equal((await read('/gone'))[0], 'remove');
    assert.equal((await read('/new'))[0], 'add');
    assert.deepEqual(await read('/deep/list/1'), ['change', '2', '3']);
    assert.equal(await page.locator('.diff tr[data-path="/same"]').count(), 0, 'what stayed is not in the way');
    assert.match(await page.locator('.diff tr[data-path="/name"] .before').innerHTML(), /<(del|mark|ins)/, 'the words that changed stand out');
  });
});

test('the raw JSON on the page is what the API gives, value by value, and can be copied', async () => {
  const node = await demo();
  const { changed } = await known(node);
  await visiting(node, { key: node.key, permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
    await open(page, address(changed));
    const { json } = await node.ask(`/api/audit/logs/${changed.id}?trail=${changed.trail}`);
    assert.deepEqual(JSON.parse(await page.locator('#raw').textContent()), json.event);
    await page.locator('[data-copy="#raw"]').click();
    assert.deepEqual(JSON.parse(await page.evaluate(() => navigator.clipboard.readText())), json.event);
    await settled(page);
    assert.equal(await page.locator('#verified').getAttribute('data-state'), 'verified');
  });
});

test('from an event to its timeline, its actor and its correlation, and back', async () => {
  const node = await demo();
  const { linked } = await known(node);
  await visiting(node, { key: node.key }, async (page) => {
    for (const wanted of [/^\/timeline\?.*resource_id=/, /^\/timeline\?.*correlation_id=/, /^\/people\//]) {
      await open(page, address(linked));
      const links = await page.locator('main a').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
      const link = links.find((href) => wanted.test(href));
      assert.ok(link, `no link ${wanted} among ${links.join(' ')}`);
      await page.locator(`main a[href="${link}"]`).first().click();
      await page.waitForURL((url) => wanted.test(url.pathname + url.search));
      await settled(page);
      assert.ok((await page.locator('main').innerText()).length > 100, link);
    }
  });
});
