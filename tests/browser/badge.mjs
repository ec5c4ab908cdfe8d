// The badge: green only for what holds, and red, with a reason, for everything that was altered on its way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visiting, open, until } from './lib/browser.mjs';
import { Node } from './lib/node.mjs';
import { address, known } from './lib/site.mjs';
import { demo, empty } from './lib/world.mjs';

const badge = (page) => page.locator('#verified');
const state = (page) => badge(page).getAttribute('data-state');
const why = (page) => page.locator('#verified [data-why]').innerText();

async function becomes(page, wanted, what) {
  await until(`${what}: the badge becomes ${wanted}`, async () => {
    const is = await state(page);
    if (is !== wanted && ['verified', 'failed', 'unknown'].includes(is)) assert.fail(`${what}: the badge is ${is} (${await why(page)}), not ${wanted}`);
    return is === wanted;
  });
}

/** Has the badge of a page that is open begin once more. */
async function again(page) {
  await page.evaluate(() => {
    const badge = document.querySelector('#verified');
    badge.dataset.state = 'checking';
    delete badge.dataset.begun;
    document.dispatchEvent(new CustomEvent('indelible:added'));
  });
}

const other = (letter) => (letter === 'A' ? 'B' : 'A');
/** A base64 text with one bit of its middle turned: still base64, of the same length. */
const bent = (text) => { const at = Math.floor(text.length / 2); return text.slice(0, at) + other(text[at]) + text.slice(at + 1); };

test('a good event turns green by what this browser checked itself', async () => {
  const node = await demo();
  const { changed } = await known(node);
  await visiting(node, { key: node.key }, async (page) => {
    const asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await open(page, address(changed));
    await becomes(page, 'verified', 'a good event');
    assert.match(await badge(page).innerText(), /Verified/);
    assert.ok(asked.some((path) => path.endsWith('/proof')), 'the proof was asked for');
    // Again, with the memory of the first time.
    await page.reload();
    await becomes(page, 'verified', 'a good event, seen before');
  });
});

test('an event is pending until it is published, and then green by itself', async () => {
  const node = await empty();
  const [{ id }] = await node.append({ action: 'file.read', user_id: 'maria' });
  await visiting(node, { key: node.key, allow: /status of 409/ }, async (page) => {
    let held = true;
    await page.route('**/proof?**', (route) => (held ? route.fulfill({ status: 409, contentType: 'application/problem+json', body: '{"detail":"not published yet"}' }) : route.continue()));
    await open(page, `/events/${id}?trail=default`);
    await becomes(page, 'pending', 'an event that is not published');
    held = false;
    await becomes(page, 'verified', 'the same, once it is published');
  });
});

test('whatever of the proof is altered, the badge is red and says why', async () => {
  const node = await demo();
  const { changed } = await known(node);
  await visiting(node, { key: node.key }, async (page) => {
    const proof = (await node.ask(`/api/audit/logs/${changed.id}/proof?trail=${changed.trail}`)).text;
    const lines = proof.split('\n');
    let sent = proof;
    await page.route('**/proof?**', (route) => route.fulfill({ contentType: 'text/plain', body: sent }));
    await open(page, address(changed));
    await becomes(page, 'verified', 'as it is');
    const altered = lines.flatMap((line, at) => {
      const put = (text) => lines.with(at, text).join('\n');
      if (!line) return [];
      const what = `line ${at + 1} of ${lines.length}, ${line.slice(0, 24)}`;
      if (/^\d+$/.test(line) || /^index \d+$/.test(line)) return [[what, put(line.replace(/\d+/, (n) => String(Number(n) + 1)))]];
      if (line.startsWith('extra ')) return [[what, put(`extra ${bent(line.slice(6))}`)], [`${what}, left out`, lines.toSpliced(at, 1).join('\n')]];
      if (line.startsWith('\u2014 ')) { const [dash, name, signature] = line.split(' '); return [[what, put([dash, name, bent(signature)].join(' '))], [`${what}, left out`, lines.toSpliced(at, 1).join('\n')]]; }
      return [[what, put(bent(line))]];
    });
    assert.ok(altered.length > 8, `a proof has more than ${altered.length} things to alter`);
    for (const [what, text] of altered) {
      sent = text;
      await again(page);
      await becomes(page, 'failed', what);
      assert.ok((await why(page)).length > 10, `${what}: no reason`);
    }
    // The proof of another event, and a good one at last.
    const { failed } = await known(node);
    sent = (await node.ask(`/api/audit/logs/${failed.id}/proof?trail=${failed.trail}`)).text;
    await again(page);
    await becomes(page, 'failed', 'the proof of another event');
    sent = proof;
    await again(page);
    await becomes(page, 'verified', 'the proof as it was');
  });
});

test('whatever of the page is altered, the badge is red', async () => {
  const node = await demo();
  const { changed } = await known(node);
  const seq = (await node.ask(`/api/audit/logs/${changed.id}?trail=${changed.trail}`)).json.receipt.seq;
  const target = changed.targets[0].id;
  const alterations = {
    'a value in the raw JSON': (html) => html.replace(/(<[^>]*id="raw"[^>]*>)([\s\S]*?)(<\/)/, (all, head, raw, tail) => head + raw.replace(target, `${target}x`) + tail),
    'a value that is shown': (html) => html.replace(/(data-pointer="\/targets\/0\/id"[^>]*>(?:<[^>]*>)*)/, '$1x'),
    'everything that names it': (html) => html.replaceAll(target, `${target}x`),
    'who did it, everywhere': (html) => html.replaceAll(changed.actor.id, 'somebody.else'),
    'its place': (html) => html.replaceAll(`data-seq="${seq}"`, `data-seq="${seq + 1}"`),
  };
  for (const [what, alter] of Object.entries(alterations)) {
    await visiting(node, { key: node.key, allow: /status of 40[49]/ }, async (page) => {
      await page.route(/\/events\//, async (route) => {
        const answer = await route.fetch();
        const html = await answer.text();
        const altered = alter(html);
        assert.notEqual(altered, html, `${what}: there was nothing to alter`);
        await route.fulfill({ response: answer, body: altered });
      });
      await open(page, address(changed));
      await becomes(page, 'failed', what);
      assert.ok((await why(page)).length > 10, `${what}: no reason`);
    });
  }
});

test('another key is red: at first sight, and more so where the key was known', async () => {
  const node = await demo();
  const { changed } = await known(node);
  const stranger = await Node.empty();
  try {
    await stranger.append({ action: 'x.y', trail: changed.trail });
    const trails = (await node.ask('/api/trails')).json;
    const theirs = (await stranger.ask('/api/trails')).json.trails.find(({ name }) => name === changed.trail).vkey;
    const ours = trails.trails.find(({ name }) => name === changed.trail);
    // The same name, so that nothing but the key is another.
    const [hash, key] = theirs.split('+').slice(1);
    const keys = { 'another key': `${ours.vkey.split('+')[0]}+${hash}+${key}`, 'another log': theirs, 'one bit': bent(ours.vkey) };
    for (const [what, vkey] of Object.entries(keys)) {
      await visiting(node, { key: node.key }, async (page) => {
        await page.route('**/api/trails', (route) => route.fulfill({ json: { trails: trails.trails.map((trail) => (trail.name === changed.trail ? { ...trail, vkey } : trail)) } }));
        await open(page, address(changed));
        await becomes(page, 'failed', what);
      });
    }
    await visiting(node, { key: node.key }, async (page) => {
      await open(page, address(changed));
      await becomes(page, 'verified', 'the key, for the first time');
      await page.route('**/api/trails', (route) => route.fulfill({ json: { trails: [{ ...ours, vkey: keys['another key'] }] } }));
      await page.reload();
      await becomes(page, 'failed', 'a key that is another than it was');
      assert.match(await why(page), /another key/);
    });
  } finally {
    await stranger.discard();
  }
});

test('a log that was rewritten since this browser looked is red', async () => {
  const node = await demo();
  const { changed } = await known(node);
  const { json } = await node.ask(`/api/audit/logs?${new URLSearchParams({ q: `trail:${changed.trail}`, page_size: 2, order: 'asc' })}`);
  const other = json.events.find(({ id }) => id !== changed.id);
  await visiting(node, { key: node.key, allow: /status of 404/ }, async (page) => {
    await open(page, address(changed));
    await becomes(page, 'verified', 'as it was');
    // What this browser keeps of a log that had more, or other, records than the one it is shown now.
    await page.evaluate(() => {
      for (const name of Object.keys(localStorage)) localStorage.setItem(name, localStorage.getItem(name).replace(/("size":"?)(\d+)/, (all, head, size) => head + (Number(size) - 1)));
    });
    await open(page, address(other));
    await becomes(page, 'failed', 'a root that is not that of its size');
  });
});
