// The badge that this browser earns by itself: it asks for the event's proof, checks it, and compares what is proven
// with what the page shows. Green only where every check was made and held.
import { canHash, encode, Refused, require } from './verify/bytes.js';
import { forget, KeyChanged, requireGrown, requireKnownKey } from './verify/memory.js';
import { canonical, verifyProof, viewOf } from './verify/proof.js';
import { shownAsProven } from './verify/shown.js';

// An event is published within a second or two; where it is not, somebody should look, and we not go on asking.
const RETRY_SECONDS = [1, 2, 4, 8, 15];
const WORDS = {
  checking: 'Checking in this browser…',
  pending: 'Not published yet',
  verified: 'Verified in this browser',
  failed: 'This does not verify',
  unknown: 'Not verified in this browser',
};

/** Why nothing can be said, neither good nor bad. */
class Unknown extends Error {}

const pause = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });

async function ask(address) {
  let response;
  try {
    response = await fetch(address, { headers: { accept: 'text/plain, application/json' }, cache: 'no-store' });
  } catch {
    throw new Unknown('The node cannot be reached.');
  }
  return response;
}

async function textOf(response) {
  if (response.ok) return response.text();
  const problem = await response.json().catch(() => ({}));
  throw new Unknown(`The node gave no proof: ${problem.detail ?? response.status}.`);
}

async function keyOf(trail) {
  const { trails } = JSON.parse(await textOf(await ask('/api/trails')));
  const found = trails.find((of) => of.name === trail);
  if (!found) throw new Unknown('The node does not name the key of this trail.');
  return found.vkey;
}

/** The proof, once the event is published; null if that takes too long. */
async function proofOf(badge) {
  for (const seconds of [...RETRY_SECONDS, null]) {
    const response = await ask(badge.dataset.proof);
    if (response.status !== 409) return textOf(response);
    say(badge, 'pending', 'It is kept. The next signed checkpoint will cover it, usually within two seconds.');
    if (seconds === null || !badge.isConnected) return null;
    await pause(seconds);
  }
  return null;
}

async function growthOf(trail, from, to) {
  const response = await ask(`/api/trails/${encodeURIComponent(trail)}/consistency?from=${from}&to=${to}`);
  require(response.status !== 404, 'the node no longer has records that it showed this browser before');
  return textOf(response);
}

function requireShown(badge, trail, proven) {
  require(String(proven.index) === badge.dataset.seq, 'the proof is of another event');
  // Beside a list another event may have been opened in the meantime.
  const page = badge.closest('[data-event]') ?? document;
  const shown = canonical(page.querySelector(badge.dataset.raw).textContent);
  const gone = proven.parts.filter((part) => part.state === 'withheld').map((part) => part.name);
  const perhaps = gone.length > 0 ? ` (${gone.join(', ')} may have been erased since: load the page again)` : '';
  require(shown === viewOf(trail, proven), `the page shows another event than the one that is proven${perhaps}`);
  return shownAsProven(page, JSON.parse(shown));
}

async function check(badge) {
  const { trail } = badge.dataset;
  say(badge, 'checking', '');
  if (!canHash()) {
    throw new Unknown('Browsers compute hashes only for pages that come over https or from the same machine. Open the dashboard so, or verify with the command line.');
  }
  const vkey = await keyOf(trail);
  requireKnownKey(localStorage, trail, vkey);
  const proof = await proofOf(badge);
  if (proof === null) return;
  const proven = await verifyProof(proof, vkey);
  const values = requireShown(badge, trail, proven);
  if (!proven.checkpoint.signed) {
    say(badge, 'unknown', 'This browser knows no Ed25519, so nobody’s signature was checked. Hashes, path and content fit together.', facts(proven, values, null));
    return;
  }
  const now = new Date().toISOString();
  const growth = await requireGrown(localStorage, trail, vkey, proven.checkpoint, now, (from, to) => growthOf(trail, from, to));
  say(badge, 'verified', 'The event on this page is the one that was recorded, and the signed log contains it.', facts(proven, values, growth));
}

// ---- what is said -------------------------------------------------------------------------------

function facts(proven, values, growth) {
  const { checkpoint, key } = proven;
  const gone = proven.parts.filter((part) => part.state === 'withheld').map((part) => part.name);
  const parts = gone.length > 0 ? `the entry and its parts; of ${gone.join(', ')} only the commitment, as it is erased or has expired` : 'the entry and all of its parts';
  const list = [
    ['Content', `${parts}; the raw JSON and ${values} values on this page are the same, byte for byte`],
    ['Leaf hash', proven.leaf],
    ['Place in the log', `leaf ${proven.index}, under a checkpoint over ${checkpoint.size} records`],
    ['Root', encode(checkpoint.root)],
    ['Log', checkpoint.origin],
    ['Signature', checkpoint.signed ? `Ed25519, by the key with SHA-256 ${key.hash}` : 'not checked'],
  ];
  if (growth) {
    list.push(['This browser', memory(growth)]);
  }
  list.push(['Checked', new Date().toLocaleString()]);
  return list;
}

function memory({ since, kept }) {
  if (!kept) return 'cannot remember what it saw, so it will not notice a changed key or a rewritten log';
  if (since === null) return 'sees this log for the first time, and remembers its key and its root from now on';
  return `knows this key since ${new Date(since.since).toLocaleString()}, and nothing was rewritten since it saw ${since.size} records`;
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function say(badge, state, why, list = [], action = null) {
  badge.dataset.state = state;
  badge.querySelector('[data-word]').textContent = WORDS[state];
  badge.querySelector('[data-why]').textContent = why;
  badge.querySelector('[data-facts]')?.remove();
  badge.querySelector('[data-act]')?.remove();
  if (list.length > 0) {
    const details = element('details', '', { 'data-facts': '' });
    const terms = element('dl', '');
    for (const [term, text] of list) {
      const row = element('div', '');
      row.append(element('dt', term), element('dd', text));
      terms.append(row);
    }
    details.append(element('summary', state === 'failed' ? 'What is known' : 'What was checked'), terms);
    badge.querySelector('[data-why]').after(details);
  }
  if (action) {
    const button = element('button', action.word, { type: 'button', class: 'plain', 'data-act': '' });
    button.addEventListener('click', action.run);
    badge.querySelector('[data-why]').after(button);
  }
}

function changed(badge, { known }) {
  const { trail } = badge.dataset;
  const why = `This trail is signed by another key than the one this browser has known since ${new Date(known.since).toLocaleString()}. `
    + 'If the node was set up anew, that is why. If not, somebody may have put another log in its place: ask whoever runs it, '
    + 'and compare “indelible key show” with the key you know.';
  say(badge, 'failed', why, [['Known key', known.vkey]], {
    word: 'I know why: trust the new key',
    run: () => { forget(localStorage, trail); begin(badge); },
  });
}

async function begin(badge) {
  badge.dataset.begun = '';
  const again = { word: 'Check again', run: () => begin(badge) };
  try {
    await check(badge);
    if (badge.dataset.state === 'pending') say(badge, 'pending', 'It is kept, but no signed checkpoint covers it yet.', [], again);
  } catch (error) {
    if (error instanceof KeyChanged) changed(badge, error);
    else if (error instanceof Refused) say(badge, 'failed', `${error.message[0].toUpperCase()}${error.message.slice(1)}.`);
    else if (error instanceof Unknown) say(badge, 'unknown', error.message, [], again);
    else say(badge, 'unknown', `The check broke off: ${error.message}`, [], again);
  }
}

function start() {
  for (const badge of document.querySelectorAll('#verified:not([data-begun])')) begin(badge);
}

start();
// An event that is opened beside a list comes later.
for (const name of ['htmx:after:settle', 'htmx:after:swap', 'indelible:added']) document.addEventListener(name, start);
