// Search: everything is in the address, everything is one step away, and the way back leads to where one was.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barriers } from './lib/axe.mjs';
import { visiting, open, settled, until } from './lib/browser.mjs';
import { known } from './lib/site.mjs';
import { demo } from './lib/world.mjs';

const rows = (page) => page.locator('#rows [data-row]');
const addresses = (page) => rows(page).evaluateAll((all) => all.map((row) => row.dataset.href));
const param = (page, name) => new URL(page.url()).searchParams.get(name);
const total = (page) => page.locator('#total').innerText();

test('the address is the whole search: opened by somebody else it shows the same', async () => {
  const node = await demo();
  const path = `/?${new URLSearchParams({ q: 'outcome:denied,failure -actor:nobody', t: '-30d', order: 'asc', page_size: '25' })}`;
  const seen = [];
  for (const scripts of [true, true, false]) {
    await visiting(node, { key: node.key, scripts }, async (page) => {
      await open(page, path);
      if (scripts) await settled(page);
      seen.push({ rows: (await addresses(page)).slice(0, 25), chips: await page.locator('#chips [data-chip]').allInnerTexts(), total: scripts && await total(page) });
    });
  }
  assert.equal(seen[0].rows.length, 25);
  assert.ok(seen[0].chips.length >= 3, String(seen[0].chips));
  assert.deepEqual(seen[1], seen[0], 'in another browser');
  assert.deepEqual(seen[2].rows, seen[0].rows, 'without scripts');
});

test('the filter panel, the values beside it and the chips change the query and nothing else', async () => {
  const node = await demo();
  const { linked } = await known(node);
  await visiting(node, { key: node.key }, async (page) => {
    await open(page, '/?t=-30d&page_size=25');
    await page.locator('#filter input[name="f.outcome"][value=denied]').check();
    await page.locator('#filter input[name="f.outcome"][value=failure]').check();
    await page.locator('#f-trail').fill(linked.trail);
    await page.locator('#f-trail').press('Enter');
    await page.waitForURL((url) => url.searchParams.get('q')?.includes('outcome:'));
    assert.deepEqual([param(page, 't'), param(page, 'page_size')], ['-30d', '25'], 'the rest of the search stays');
    assert.match(param(page, 'q'), /outcome:(denied,failure|failure,denied)/);
    assert.match(param(page, 'q'), new RegExp(`trail:${linked.trail}`));
    assert.ok(await page.locator('#filter input[value=denied]').isChecked(), 'the form shows what the query says');
    await page.locator('#chips [data-chip=clause]', { hasText: 'outcome' }).getByRole('link').click();
    await page.waitForURL((url) => url.searchParams.get('q') === `trail:${linked.trail}`);
    const facet = page.locator('#facets [data-facet=actor] li').first();
    const actor = await facet.locator('a.with').innerText();
    const said = await facet.locator('.n').innerText();
    await facet.locator('a.with').click();
    await page.waitForURL((url) => url.searchParams.get('q').includes('actor:'));
    await settled(page);
    assert.ok((await total(page)).includes(said), `${actor} was said to have ${said}, and has ${await total(page)}`);
    await page.goBack();
    await page.locator('#facets [data-facet=actor] li').first().locator('a.without').click();
    await page.waitForURL((url) => url.searchParams.get('q').includes('-actor:'));
  });
});

test('a value in a row is added or excluded where the pointer is', async () => {
  const node = await demo();
  await visiting(node, { key: node.key }, async (page) => {
    for (const [mark, wanted] of [['a', /^action:/], ['x', /^-action:/]]) {
      await open(page, '/?t=-30d');
      const value = rows(page).first().locator('.value[data-key=action]');
      const action = await value.getAttribute('data-value');
      await value.hover();
      await value.locator(`a[data-mark=${mark}]`).click();
      await page.waitForURL((url) => url.searchParams.get('q'));
      assert.match(param(page, 'q'), wanted);
      assert.ok(param(page, 'q').includes(action));
      assert.equal(param(page, 't'), '-30d');
      const actions = await page.locator('#rows .value[data-key=action]').evaluateAll((all) => all.map(({ dataset }) => dataset.value));
      assert.ok(actions.length && actions.every((one) => (one === action) === (mark === 'a')), `${mark} ${action}: ${actions}`);
    }
  });
});

test('a brush over the histogram chooses a time, by pointer and by keyboard', async () => {
  const node = await demo();
  await visiting(node, { key: node.key }, async (page) => {
    await open(page, '/?t=-24h');
    const plot = page.locator('#histogram svg');
    await plot.waitFor();
    await settled(page);
    const box = await plot.boundingBox();
    const y = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width * 0.3, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, y, { steps: 5 });
    assert.ok(Number(await page.locator('#histogram .brush').getAttribute('width')) > 0, 'the brush is seen');
    await page.mouse.up();
    await page.waitForURL((url) => url.searchParams.get('t')?.includes('..'));
    const [from, to] = param(page, 't').split('..').map((at) => Date.parse(at));
    const hours = (to - from) / 3_600_000;
    assert.ok(hours > 3 && hours < 7, `a fifth of a day, not ${hours} hours: ${param(page, 't')}`);
    await settled(page);
    const moments = await page.locator('#rows [data-row] time').evaluateAll((all) => all.map((time) => Date.parse(time.dateTime)));
    assert.ok(moments.every((at) => at >= from && at <= to + 1000), 'every row is of that time');
    await page.goBack();
    await page.waitForURL((url) => url.searchParams.get('t') === '-24h');
    await plot.waitFor();
    await settled(page);
    await plot.focus();
    for (const key of ['ArrowLeft', 'ArrowLeft', 'Shift+ArrowLeft', 'Shift+ArrowLeft']) await page.keyboard.press(key);
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.searchParams.get('t')?.includes('..'));
  });
});

test('more rows come as one scrolls, without a double, and the way back leads to the same place', async () => {
  const node = await demo();
  await visiting(node, { key: node.key }, async (page) => {
    await open(page, '/?t=-30d&page_size=25');
    for (let wanted = 75; await rows(page).count() < wanted;) {
      const before = await rows(page).count();
      await page.locator('[data-more]').scrollIntoViewIfNeeded();
      await until(`more than ${before} rows`, async () => await rows(page).count() > before);
    }
    const all = await addresses(page);
    assert.equal(new Set(all).size, all.length, 'no row twice');
    const wanted = [];
    for (let cursor = ''; wanted.length < all.length;) {
      const { json } = await node.ask(`/api/audit/logs?${new URLSearchParams({ q: 'created:-30d AND -trail:_system', page_size: 200, ...(cursor && { cursor }) })}`);
      wanted.push(...json.events.map(({ id }) => id));
      cursor = json.next_cursor;
    }
    assert.deepEqual(all.map((at) => at.match(/events\/([^?]+)/)[1]), wanted.slice(0, all.length), 'no row is left out');
    const row = rows(page).nth(60);
    await row.scrollIntoViewIfNeeded();
    const address = await row.getAttribute('data-href');
    // As a link that opens its own page.
    await row.locator('a.said').click({ modifiers: [] });
    await page.locator('#panel article').waitFor();
    await page.locator('#panel').getByRole('link', { name: 'On its own page' }).click();
    await page.waitForURL(/\/events\//);
    await page.goBack();
    const again = page.locator(`#rows [data-row][data-href="${address}"]`);
    await again.waitFor();
    // The panel made the rows narrower, so that it is not to the pixel.
    await until('the row is in view again', async () => { const y = (await again.boundingBox())?.y ?? -1; return y >= 0 && y < page.viewportSize().height; });
  });
});

test('what cannot be read is marked under its column, and mended by a link', async () => {
  const node = await demo();
  for (const scripts of [true, false]) {
    await visiting(node, { key: node.key, scripts, allow: /status of 400/ }, async (page) => {
      await open(page, `/?${new URLSearchParams({ q: 'outcome:denied actr:maria' })}`);
      const [line, mark] = (await page.locator('#q-wrong pre').textContent()).split('\n');
      assert.equal(line.slice(mark.indexOf('^'), mark.lastIndexOf('^') + 1), 'actr', `${line}\n${mark}`);
      assert.equal(await page.locator('#q').getAttribute('aria-invalid'), 'true');
      await page.locator('#q-meant').click();
      await page.waitForURL((url) => url.searchParams.get('q') === 'outcome:denied actor:maria');
    });
  }
  // While it is written, too.
  await visiting(node, { key: node.key }, async (page) => {
    await open(page, '/');
    await page.locator('#q').fill('a (b');
    await page.locator('#q-wrong pre').waitFor();
    await page.locator('#q').fill('a (b)');
    await page.locator('#q-wrong pre').waitFor({ state: 'detached' });
  });
});

test('keys and values are completed by keyboard alone', async () => {
  const node = await demo();
  const { linked } = await known(node);
  await visiting(node, { key: node.key }, async (page) => {
    await open(page, '/');
    const field = page.locator('#q');
    const options = page.getByRole('listbox').first().getByRole('option');
    await field.focus();
    await page.keyboard.type('act');
    await options.first().waitFor();
    assert.equal(await field.getAttribute('aria-expanded'), 'true');
    assert.deepEqual(await barriers(page, 'suggestions', { within: '#search' }), []);
    const names = await options.locator('code').allInnerTexts();
    for (let at = 0; at <= names.indexOf('actor'); at += 1) await page.keyboard.press('ArrowDown');
    assert.ok(await field.getAttribute('aria-activedescendant'));
    await page.keyboard.press('Enter');
    assert.equal(await field.inputValue(), 'actor:');
    await page.keyboard.type(linked.actor.id.slice(0, 3));
    await until('the actor is offered', async () => (await options.locator('code').allInnerTexts()).includes(linked.actor.id));
    const values = await options.locator('code').allInnerTexts();
    for (let at = 0; at <= values.indexOf(linked.actor.id); at += 1) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    assert.equal(await field.inputValue(), `actor:${linked.actor.id} `);
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.searchParams.get('q')?.startsWith('actor:'));
    assert.ok(await rows(page).count() > 0);
  });
});

test('the event beside the rows, the menus: nothing keeps anybody out, in both themes', async () => {
  const node = await demo();
  const faults = [];
  for (const theme of ['light', 'dark']) {
    await visiting(node, { key: node.key, theme }, async (page) => {
      await open(page, '/?q=has:changes&t=-30d');
      await rows(page).first().locator('a.said').click();
      await page.locator('#panel article').waitFor();
      await settled(page);
      faults.push(...await barriers(page, `the panel, ${theme}`, { within: '#panel', theme }));
      await page.locator('#panel').getByRole('button', { name: 'Close the event' }).click();
      for (const menu of await page.locator('#tools details, .side .menu').all()) {
        await menu.locator('summary').first().click();
        await menu.evaluate((menu) => menu.setAttribute('data-looked-at', ''));
        faults.push(...await barriers(page, `${(await menu.locator('summary').first().innerText()).trim()}, ${theme}`, { within: '[data-looked-at]', theme }));
        await page.keyboard.press('Escape');
        await menu.evaluate((menu) => { menu.open = false; menu.removeAttribute('data-looked-at'); });
      }
    });
  }
  assert.deepEqual(faults, []);
});
