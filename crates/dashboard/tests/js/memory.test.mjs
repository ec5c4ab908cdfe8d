// What a browser remembers of a trail, on trees that are made and signed here.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Refused } from '../../assets/verify/bytes.js';
import { forget, KeyChanged, requireGrown, requireKnownKey } from '../../assets/verify/memory.js';
import { verifyConsistency } from '../../assets/verify/proof.js';
import { consistencyOf, makeKey, makeTree } from './log.mjs';

class Kept extends Map {
  getItem(name) { return this.get(name) ?? null; }
  setItem(name, value) { this.set(name, String(value)); }
  removeItem(name) { this.delete(name); }
}

const key = await makeKey('log.example.com/a');
const honest = await makeTree(12);
const forged = await makeTree(12, 3);
let storage;
beforeEach(() => { storage = new Kept(); });

const grown = (tree, size, growth = tree) =>
  requireGrown(storage, 'a', key.vkey, { size: BigInt(size), root: tree.root(size) }, 'now', (from, to) => consistencyOf(growth, key, Number(from), Number(to)));

test('proofs of growth that are made here hold for all sizes', async () => {
  for (let to = 1; to <= 12; to += 1) {
    for (let from = 0; from <= to; from += 1) {
      const { before, checkpoint } = await verifyConsistency(await consistencyOf(honest, key, from, to), key.vkey);
      assert.deepEqual([before.size, checkpoint.size], [BigInt(from), BigInt(to)]);
    }
  }
});

test('the first checkpoint is trusted, later ones must grow out of it', async () => {
  assert.equal((await grown(honest, 5)).since, null);
  assert.equal((await grown(honest, 5)).since.since, 'now');
  for (const size of [7, 6, 12, 8]) await grown(honest, size);
  assert.equal(JSON.parse(storage.get('indelible.trail.a')).size, '12');
});

test('a rewritten log is noticed, whichever proof it comes with', async () => {
  await grown(honest, 5);
  const before = storage.get('indelible.trail.a');
  await assert.rejects(grown(forged, 5), Refused);
  await assert.rejects(grown(forged, 9), Refused);
  await assert.rejects(grown(forged, 9, honest), Refused);
  await assert.rejects(grown(forged, 4), Refused);
  // A log that was cut off cannot prove that it leads to what was seen.
  await assert.rejects(requireGrown(storage, 'a', key.vkey, { size: 4n, root: honest.root(4) }, 'now', () => { throw new Refused('gone'); }), Refused);
  assert.equal(storage.get('indelible.trail.a'), before);
});

test('a changed key is noticed, until one says that it is right', async () => {
  await grown(honest, 5);
  const other = await makeKey('log.example.com/a');
  assert.throws(() => requireKnownKey(storage, 'a', other.vkey), KeyChanged);
  assert.equal(requireKnownKey(storage, 'b', other.vkey), null);
  forget(storage, 'a');
  assert.equal(requireKnownKey(storage, 'a', other.vkey), null);
});

test('what cannot be remembered is not taken for remembered', async () => {
  storage.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };
  assert.equal((await grown(honest, 5)).kept, false);
  storage.set('indelible.trail.a', '{"vkey":1');
  assert.equal(requireKnownKey(storage, 'a', key.vkey), null);
});
