// One browser for all tests, and contexts in it that notice whatever a page must not do.
import assert from 'node:assert/strict';
import { chromium } from './packages.mjs';

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
/** How long a page may take to become what a test waits for. */
export const PATIENCE = 15_000;

let launched;
const browser = () => (launched ??= chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGS }));
export async function close() { await (await launched)?.close(); }

/**
 * Has `body` look at pages, and then asserts that none of them did what no page may: say an error on the console,
 * break its policy, ask another host, open a dialog, run a script that came out of an event.
 *
 * `key` signs in as a program does; `state` is a browser's that signed in. `allow`: what may stand on the console,
 * for tests that make a page fail.
 */
export async function visiting(node, options, body) {
  const { key, state, theme = 'light', width = 1280, height = 900, zone = 'UTC', scripts = true, allow, ...more } = options;
  const context = await (await browser()).newContext({
    baseURL: node.url, viewport: { width, height }, colorScheme: theme, timezoneId: zone, locale: 'en-GB', javaScriptEnabled: scripts,
    reducedMotion: 'reduce', storageState: state, acceptDownloads: true,
    ...(key ? { extraHTTPHeaders: { authorization: `Bearer ${key}` } } : {}), ...more,
  });
  context.setDefaultTimeout(PATIENCE);
  const faults = [];
  const fault = (page, what) => faults.push(`${page ?? 'a page'} (${theme}, ${width} px): ${what}`);
  context.on('console', (said) => {
    const text = said.text();
    if (said.type() === 'error' && !allow?.test(text)) fault(said.page()?.url(), `console: ${text} [${said.location().url}]`);
  });
  context.on('weberror', (error) => { if (!allow?.test(String(error.error()))) fault(error.page()?.url(), `script: ${error.error()}`); });
  context.on('dialog', (dialog) => { fault(dialog.page()?.url(), `dialog: ${dialog.message()}`); dialog.dismiss().catch(() => {}); });
  const host = new URL(node.url).host;
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.host !== host && !['data:', 'blob:'].includes(url.protocol)) fault(request.frame()?.url(), `asked another host: ${url}`);
  });
  try {
    const page = await context.newPage();
    await body(page, context);
    for (const one of context.pages()) {
      if (scripts && await one.evaluate(() => window.__xss)) fault(one.url(), 'a script out of an event ran');
    }
  } finally {
    await context.close();
  }
  assert.deepEqual(faults, []);
}

/** Goes to a page, and waits until its scripts have set it up. The answer. */
export async function open(page, path) {
  // Modules run before `load`.
  return page.goto(path, { waitUntil: 'load' });
}

/** Waits until `look` gives something true, and gives that. */
export async function until(what, look, within = PATIENCE) {
  let last;
  for (const end = Date.now() + within; Date.now() < end;) {
    last = await look();
    if (last) return last;
    await new Promise((next) => setTimeout(next, 25));
  }
  assert.fail(`not within ${within} ms: ${what}`);
}

/** Asserts that a page does not scroll sideways. */
export async function fits(page) {
  const wide = await widest(page);
  assert.equal(wide, null, `${page.url()} scrolls sideways at ${page.viewportSize().width} px because of ${wide}`);
}

/** What makes a page scroll sideways, if it does. */
export async function widest(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return null;
    const name = (e) => e.tagName.toLowerCase() + (e.id ? `#${e.id}` : '') + [...e.classList].map((c) => `.${c}`).join('');
    // The innermost that stick out, of those that are seen.
    const out = [...document.body.querySelectorAll('*')].filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > width + 1);
    return out.filter((e) => ![...e.children].some((c) => out.includes(c))).slice(0, 5).map(name).join(', ') || 'something';
  });
}

/** Waits until no piece of a page is still on its way. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector('.htmx-request, [aria-busy=true], #verified[data-state=checking]'));
}
