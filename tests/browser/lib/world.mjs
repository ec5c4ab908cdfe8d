// What the tests share: started when it is first asked for, thrown away at the end.
import { after } from 'node:test';
import { close } from './browser.mjs';
import { TEXTS, event, huge } from './hostile.mjs';
import { Node } from './node.mjs';

const shared = new Map();

/** The same for all who ask. */
export function once(name, make) {
  if (!shared.has(name)) shared.set(name, make());
  return shared.get(name);
}

/** A node with the demo's day, that nobody writes to or stops. */
export const demo = () => once('demo', () => Node.demo());

/** A node with nothing in it but what tests bring. */
export const empty = () => once('empty', () => Node.empty());

/** A node full of what somebody may write to have it read by whoever looks. */
export const hostile = () => once('hostile', async () => {
  const node = await Node.empty();
  node.events = TEXTS.map(([name, text]) => ({ name, text, event: event(text) }));
  await node.append(...node.events.map(({ event }) => event));
  node.huge = huge();
  for (const one of node.huge) await node.append(one);
  // Names that people give: of keys, of trails, of the searches that they keep.
  for (const [name, text] of TEXTS) {
    const named = text.slice(0, 80).trim() || name;
    for (const [path, method, json] of [
      ['/api/keys', 'POST', { role: 'reader', name: named }],
      ['/api/saved-searches', 'POST', { name: named, query: 'action:hostile.*' }],
    ]) {
      const made = await node.ask(path, { method, json });
      // Some are no names; what is one, is kept.
      if (![200, 201, 204, 400].includes(made.status)) throw new Error(`${path}, ${name}: ${made.status} ${made.text}`);
    }
  }
  await node.append({ action: 'x.y', trail: `a${'._@:-'.repeat(25)}` }, { action: 'x.y', trail: '1'.repeat(128) });
  return node;
});

after(async () => {
  await close();
  for (const one of await Promise.allSettled(shared.values())) await one.value?.discard?.();
});
