// What holds for every page: readable by all, not too wide, not too heavy, and what it looks like.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { barriers } from './lib/axe.mjs';
import { visiting, open, settled, widest } from './lib/browser.mjs';
import { pages } from './lib/site.mjs';
import { demo } from './lib/world.mjs';

const FOLDER = process.env.INDELIBLE_SCREENSHOTS;
/** HTML, style and scripts of a page, as they go over the wire. */
const WEIGHT_MAX = 150_000;
const WIDE = { width: 1280, height: 720 };
const NARROW = { width: 360, height: 740 };
/** What people print. */
const PRINTED = ['search-query', 'event', 'timeline-resource', 'overview', 'person', 'review'];
const taken = [];

async function shot(page, name, how) {
  if (!FOLDER) return;
  await mkdir(FOLDER, { recursive: true });
  const file = `${name}-${how}.png`;
  // Long lists go on like this.
  const clip = how === 'narrow' ? { x: 0, y: 0, width: NARROW.width, height: Math.min(2400, await page.evaluate(() => document.documentElement.scrollHeight)) } : undefined;
  await page.screenshot({ path: join(FOLDER, file), fullPage: Boolean(clip), clip });
  taken.push({ name, how, file });
}

for (const theme of ['light', 'dark']) {
  test(`every page, ${theme}: nothing keeps anybody out, nothing scrolls sideways`, async () => {
    const node = await demo();
    const faults = [];
    const narrow = async (page, name) => {
      const wide = await widest(page);
      if (wide) faults.push(`${name}, ${theme}: scrolls sideways at ${page.viewportSize().width} px because of ${wide}`);
    };
    await visiting(node, { key: node.key, theme, ...WIDE, allow: /status of 4\d\d/ }, async (page) => {
      for (const { name, path, status = 200 } of await pages(node)) {
        await page.setViewportSize(WIDE);
        const answer = await open(page, path);
        if (name !== 'search-error') assert.equal(answer.status(), status, `${name}: ${path}`);
        await settled(page);
        faults.push(...await barriers(page, `${name}, ${theme}`, { theme }));
        await narrow(page, name);
        await shot(page, name, theme);
        await page.setViewportSize(NARROW);
        await narrow(page, name);
        if (theme === 'light') await shot(page, name, 'narrow');
      }
    });
    assert.deepEqual(faults, []);
  });
}

test('every page: light enough, compressed, and with nothing from elsewhere', async () => {
  const node = await demo();
  const said = [];
  await visiting(node, { key: node.key, allow: /status of 400/ }, async (page, context) => {
    const wire = await context.newCDPSession(page);
    const sizes = new Map();
    await wire.send('Network.enable');
    // Nothing is kept from the page before.
    await wire.send('Network.setCacheDisabled', { cacheDisabled: true });
    wire.on('Network.responseReceived', ({ requestId, response, type }) => sizes.set(requestId, { url: response.url, type, encoding: response.headers['content-encoding'], bytes: 0 }));
    wire.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => { if (sizes.has(requestId)) sizes.get(requestId).bytes = encodedDataLength; });
    for (const { name, path, status } of await pages(node)) {
      if (status) continue;
      sizes.clear();
      await open(page, path);
      await settled(page);
      const all = [...sizes.values()].filter(({ type }) => ['Document', 'Stylesheet', 'Script', 'Fetch', 'XHR', 'Image'].includes(type));
      const sum = all.reduce((sum, { bytes }) => sum + bytes, 0);
      said.push(`${name} ${(sum / 1000).toFixed(1)} KB`);
      const plain = all.filter(({ bytes, encoding }) => bytes > 2000 && !encoding).map(({ url }) => url);
      assert.deepEqual(plain, [], `${name}: sent without compression`);
      assert.ok(all.length > 2 && sum > 5000, `${name}: what it weighs was not seen: ${JSON.stringify(all)}`);
      assert.ok(sum < WEIGHT_MAX, `${name} weighs ${sum} bytes: ${JSON.stringify(all.map(({ url, bytes }) => [url, bytes]))}`);
    }
  });
  console.log(`# weights: ${said.join(', ')}`);
});

test('every page is worth printing: there is something on paper, and no navigation', async () => {
  const node = await demo();
  await visiting(node, { key: node.key, allow: /status of 4\d\d/ }, async (page) => {
    await page.emulateMedia({ media: 'print' });
    for (const { name, path } of await pages(node)) {
      await open(page, path);
      assert.ok(!(await page.getByRole('navigation', { name: 'Pages' }).isVisible()), `${name}: navigation on paper`);
      const text = await page.locator('main').innerText();
      assert.ok(text.trim().length > 20, `${name}: nothing on paper`);
      if (!PRINTED.includes(name)) continue;
      const paper = await page.pdf({ format: 'A4' });
      assert.ok(paper.length > 5000, `${name}: a PDF of ${paper.length} bytes`);
    }
  });
});

after(async () => {
  if (!taken.length) return;
  const names = [...new Set(taken.map(({ name }) => name))];
  const cells = (name) => taken.filter((one) => one.name === name).map(({ how, file }) => `<a href="${file}"><img loading="lazy" height="300" alt="${name}, ${how}" src="${file}"></a>`).join(' ');
  const html = `<!doctype html><meta charset="utf-8"><title>Pages</title>${names.map((name) => `<h2>${name}</h2>${cells(name)}`).join('\n')}\n`;
  await writeFile(join(FOLDER, 'index.html'), html);
});
