// Alerts, rules and reviews: what somebody does with them, by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barriers } from './lib/axe.mjs';
import { fits, open, until, visiting } from './lib/browser.mjs';
import { Node } from './lib/node.mjs';
import { once, hostile } from './lib/world.mjs';
import { intruders } from './lib/hostile.mjs';

const NARROW = { width: 360, height: 740 };
/** A node with the demo's day, that these tests may change. */
const node = () => once('a demo whose alerts are looked after', () => Node.demo());

const alerts = async (at, state) => (await at.ask(`/api/alerts?state=${state}`)).json;
/** An alert that nobody has looked at. */
const open1 = async (at) => until('an alert is open', async () => (await alerts(at, 'open')).alerts[0]);

for (const scripts of [true, false]) {
  test(`an alert is acknowledged with a note, assigned and closed, ${scripts ? 'with' : 'without'} scripts`, async () => {
    const at = await node();
    const { id, rule } = await open1(at);
    await visiting(at, { key: at.key, scripts }, async (page) => {
      await open(page, '/alerts');
      await page.locator(`[data-alert="${id}"]`).getByRole('link', { name: rule.title }).click();
      await page.waitForURL((url) => url.pathname === `/alerts/${id}`);
      const note = 'I look at it: <b>really</b> "so" & now.';
      await page.getByLabel('Note').fill(note);
      await page.getByRole('button', { name: 'Acknowledge' }).click();
      await page.locator('#done').waitFor();
      const now = (await at.ask(`/api/alerts/${id}`)).json;
      assert.equal(now.state, 'acknowledged');
      assert.ok(now.history.some(({ action, note: said }) => action === 'alert.acknowledge' && said === note), JSON.stringify(now.history));
      assert.ok(await page.getByText(note).isVisible(), 'the page shows the note');
      assert.equal(await page.getByRole('button', { name: 'Acknowledge' }).count(), 0);
      await page.getByLabel('Assign to').fill('Grace');
      await page.getByRole('button', { name: 'Assign', exact: true }).click();
      await until('it is hers', async () => (await at.ask(`/api/alerts/${id}`)).json.assignee === 'Grace');
      await page.locator('#done').waitFor();
      if (scripts) {
        // Closing says why; without scripts the browser asks for it, too.
        await page.getByRole('button', { name: 'Close' }).click();
        assert.equal((await at.ask(`/api/alerts/${id}`)).json.state, 'acknowledged', 'nobody closes without a note');
      }
      await page.getByLabel('Note').fill('A drill.');
      await page.getByRole('button', { name: 'Close' }).click();
      await until('it is closed', async () => (await at.ask(`/api/alerts/${id}`)).json.state === 'closed');
      await page.locator('#done').waitFor();
      assert.equal(await page.locator('#act').count(), 0, 'nothing more is to be done');
      await open(page, '/alerts?state=closed');
      assert.ok(await page.locator(`[data-alert="${id}"]`).isVisible());
    });
  });
}

test('the navigation says how many are open, and the overview how bad they are', async () => {
  const at = await node();
  await open1(at);
  await visiting(at, { key: at.key }, async (page) => {
    await open(page, '/overview');
    const { open: many } = await alerts(at, 'open');
    const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: `Alerts ${many} open` });
    await link.waitFor();
    await page.locator('#open-alerts').getByRole('link').first().click();
    await page.waitForURL((url) => url.pathname === '/alerts');
    assert.equal(await page.locator('#open [data-alert]').count(), many);
    await page.getByLabel('Level').selectOption('critical');
    await page.waitForURL((url) => url.searchParams.get('level') === 'critical');
  });
});

test('what an alert is about is found from its page', async () => {
  const at = await node();
  const { id } = await open1(at);
  await visiting(at, { key: at.key }, async (page) => {
    await open(page, `/alerts/${id}`);
    await page.locator('#all-events').click();
    await page.locator('[data-row]').first().waitFor();
    await page.goBack();
    await page.locator('main .rows a.said').first().click();
    await page.waitForURL(/\/events\//);
  });
});

test('a rule is looked back with, and says on which days it would have fired', async () => {
  const at = await node();
  const { rule } = await open1(at);
  await visiting(at, { key: at.key }, async (page) => {
    await open(page, '/rules');
    await page.getByRole('link', { name: rule.title, exact: true }).click();
    await page.waitForURL((url) => url.pathname.startsWith('/rules/'));
    await page.getByLabel('In', { exact: true }).selectOption('7d');
    await page.getByRole('button', { name: 'Look back' }).click();
    await page.locator('#by-day').waitFor();
    const fired = Number((await page.locator('#number-fired .much').innerText()).replaceAll(',', ''));
    assert.ok(fired > 0, 'it fired in the demo\'s day');
    assert.deepEqual(await barriers(page, 'a backtest'), []);
    await page.setViewportSize(NARROW);
    await fits(page);
    await open(page, '/rules');
    await page.getByRole('button', { name: 'Look back' }).click();
    await page.locator('#tested').waitFor();
    await fits(page);
    assert.deepEqual(await barriers(page, 'a backtest of all'), []);
  });
});

test('a review is signed with a note, and only as it was looked at', async () => {
  const at = await node();
  const { json: { reviews } } = await at.ask('/api/reviews');
  const due = reviews.find(({ state }) => state === 'due' || state === 'overdue');
  assert.ok(due, `the demo has a day that has ended: ${JSON.stringify(reviews)}`);
  await visiting(at, { key: at.key, allow: /status of 409/ }, async (page) => {
    await open(page, '/reviews');
    await page.locator(`[data-review="${due.period}"]`).getByRole('link').click();
    await page.waitForURL((url) => url.pathname === `/reviews/${due.period}`);
    assert.ok(await page.locator('article.review section').count() >= 5, 'all that happened, by kind');
    // Somebody looked at something else.
    await page.locator('#sign input[name=digest]').evaluate((field) => { field.value = '0'.repeat(64); });
    await page.getByLabel('Note').fill('two failed logins of mine');
    await page.getByRole('button', { name: 'I have looked at this' }).click();
    await page.locator('#went-wrong').waitFor();
    assert.match(await page.locator('#went-wrong').innerText(), /has changed since you looked/);
    assert.equal(await page.getByLabel('Note').inputValue(), 'two failed logins of mine', 'what was written stays');
    assert.deepEqual(await barriers(page, 'a review that has changed'), []);
    await page.getByRole('button', { name: 'I have looked at this' }).click();
    await page.locator('#signed').waitFor();
    const { json: signed } = await at.ask(`/api/reviews/${due.period}`);
    assert.equal(signed.state, 'signed');
    assert.equal(signed.note, 'two failed logins of mine');
    assert.equal(await page.locator('#sign').count(), 0);
    await open(page, '/reviews');
    assert.match(await page.locator(`[data-review="${due.period}"]`).innerText(), /signed/);
  });
});

test('hostile texts: whatever made a rule fire does nothing on the pages of its alert', async () => {
  const at = await hostile();
  // Each fails to sign in ten times: as a name, and as what it is called by.
  for (const { text } of at.events.slice(0, 12)) {
    const id = text.slice(0, 200).trim() || 'x';
    await at.append(...Array.from({ length: 12 }, () => ({ action: 'user.login', category: 'login_failed', outcome: 'failure', actor: { type: 'user', id, name: id }, context: { ip: '203.0.113.9' } })));
  }
  const { alerts: found } = await until('an alert is open', async () => { const all = await alerts(at, 'open'); return all.alerts.length ? all : null; });
  const { json: { reviews } } = await at.ask('/api/reviews');
  await visiting(at, { key: at.key, ...NARROW }, async (page) => {
    for (const path of ['/alerts', ...found.slice(0, 20).map(({ id }) => `/alerts/${id}`), `/reviews/${reviews[0].period}`]) {
      const answer = await open(page, path);
      assert.equal(answer.status(), 200, path);
      assert.deepEqual(await page.evaluate(intruders), [], path);
      await fits(page);
    }
  });
});
