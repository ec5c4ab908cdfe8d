// What the tests share: started when it is first asked for, thrown away at the end.
import { after } from 'node:test';
import { close } from './browser.mjs';
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

after(async () => {
  await close();
  for (const one of await Promise.allSettled(shared.values())) await one.value?.discard?.();
});
