// Everything by keyboard, and the times of whoever looks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barriers } from './lib/axe.mjs';
import { visiting, open, until } from './lib/browser.mjs';
import { address, known } from './lib/site.mjs';
import { demo } from './lib/world.mjs';

const focused = (page) => page.evaluate(() => document.activeElement?.id || document.activeElement?.tagName);
const selected = (page) => page.evaluate(() => [...document.querySelectorAll('[data-row]')].findIndex((row) => 'selected' in row.dataset));

test('keys walk through the whole: search, rows, pages, help', async () => {
  const node = await demo();
  await visiting(node, { key: node.key }, async (page) => {
    await open(page, '/');
    await page.keyboard.press('/');
    assert.equal(await focused(page), 'q');
    await page.keyboard.press('Escape');
    assert.notEqual(await focused(page), 'q', 'Esc leaves a field');
    await page.keyboard.press('/');
    await page.keyboard.type('outcome:denied');
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=outcome%3Adenied/);
    await page.locator('[data-row]').first().waitFor();
    await page.evaluate(() => document.activeElement.blur());
    for (const [key, row] of [['j', 0], ['j', 1], ['j', 2], ['k', 1]]) {
      await page.keyboard.press(key);
      assert.equal(await selected(page), row, `row after ${key}`);
    }
    await page.keyboard.press('Enter');
    await page.locator('#panel article').waitFor();
    const opened = await page.locator('#panel article').getAttribute('data-event');
    await page.keyboard.press('j');
    await until('the next row is open', async () => await page.locator('#panel article').getAttribute('data-event') !== opened);
    await page.keyboard.press('Escape');
    assert.ok(!(await page.locator('#panel').isVisible()), 'Esc closes the panel');
  });
});

test('g and a letter go to each page, ? shows the keys', async () => {
  const node = await demo();
  await visiting(node, { key: node.key }, async (page) => {
    await open(page, '/');
    for (const [key, path] of [['l', '/live'], ['o', '/overview'], ['t', '/timeline'], ['p', '/people'], ['a', '/alerts'], ['r', '/reviews'], ['e', '/export'], [',', '/settings'], ['s', '/']]) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await page.waitForURL((url) => url.pathname === path || (path !== '/' && url.pathname.startsWith(path)));
      await page.waitForLoadState('load');
      // A page with one thing to write in may begin there.
      await page.evaluate(() => document.activeElement?.blur());
    }
    await page.keyboard.press('?');
    assert.ok(await page.getByRole('dialog').isVisible());
    assert.deepEqual(await barriers(page, 'the keys', { within: '#keys' }), []);
    await page.keyboard.press('Escape');
    assert.ok(!(await page.locator('#keys').isVisible()));
  });
});

test('from the skip link to the main part, and every stop can be seen', async () => {
  const node = await demo();
  await visiting(node, { key: node.key }, async (page) => {
    await open(page, '/');
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), '#main');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(() => document.querySelector('main').contains(document.activeElement)), 'the next stop is in the main part');
    for (let stop = 0; stop < 30; stop += 1) {
      const seen = await page.evaluate(() => {
        // A field without an outline of its own may have a frame that has one.
        const around = (element, levels) => (levels && element ? [element, ...around(element.parentElement, levels - 1)] : []);
        const marked = (element) => { const style = getComputedStyle(element); return style.outlineStyle !== 'none' || style.boxShadow !== 'none'; };
        return document.activeElement === document.body || around(document.activeElement, 3).some(marked);
      });
      assert.ok(seen, `stop ${stop}, ${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 120))}: nobody sees where the keyboard is`);
      await page.keyboard.press('Tab');
    }
  });
});

test('times are those of whoever looks, with UTC on hover; without scripts they are UTC', async () => {
  const node = await demo();
  const { changed } = await known(node);
  const at = new Date(changed.recorded_at);
  const there = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Kathmandu', hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(at);
  const moment = `time[datetime^="${changed.recorded_at.slice(0, 19)}"]`;
  await visiting(node, { key: node.key, zone: 'Asia/Kathmandu' }, async (page) => {
    await open(page, address(changed));
    const times = page.locator(moment);
    await until(`the time in Kathmandu, ${there}`, async () => (await times.allInnerTexts()).some((text) => text.includes(there)));
    const hover = await times.first().getAttribute('title');
    assert.match(hover, /UTC|Z$/);
    assert.ok(hover.includes(changed.recorded_at.slice(11, 19)), `${hover} is not the time in UTC`);
    for (const path of ['/', '/timeline?' + new URLSearchParams({ resource_type: changed.targets[0].type, resource_id: changed.targets[0].id })]) {
      await open(page, path);
      const exact = (await page.locator('time[data-time]:not([data-time=ago])').allInnerTexts()).filter(Boolean);
      assert.ok(exact.length && exact.every((text) => !/UTC|Z$/.test(text) || /\+0?5:?45/.test(text)), `${path}: ${exact.slice(0, 3)}`);
    }
  });
  await visiting(node, { key: node.key, zone: 'Asia/Kathmandu', scripts: false }, async (page) => {
    await open(page, address(changed));
    const texts = await page.locator(moment).allInnerTexts();
    assert.ok(texts.some((text) => text.includes(changed.recorded_at.slice(11, 19))), `${texts} without scripts`);
  });
});
