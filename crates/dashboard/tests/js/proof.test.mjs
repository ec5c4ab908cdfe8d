// What the browser verifies: the golden proofs hold, and nothing that was changed does.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Refused } from '../../assets/verify/bytes.js';
import { canonical, verifyConsistency, verifyProof, viewOf } from '../../assets/verify/proof.js';
import { changes, consistency, lines, proofs, records, vkey } from './golden.mjs';

const states = (proven) => proven.parts.map((part) => part.state);

test('the golden proofs hold', async () => {
  const expected = { shown: [4n, 'shown,shown,shown'], withheld: [4n, 'withheld,shown,shown'], erased: [9n, null], expired: [0n, null] };
  for (const [name, [index, parts]] of Object.entries(expected)) {
    const proven = await verifyProof(proofs[name], vkey);
    assert.equal(proven.index, index, name);
    assert.equal(proven.checkpoint.signed, true, name);
    assert.equal(proven.checkpoint.origin, proven.key.name);
    if (parts) assert.equal(states(proven).join(), parts, name);
    assert.match(proven.leaf, /^[0-9a-f]{64}$/);
  }
  assert.ok(states(await verifyProof(proofs.erased, vkey)).includes('withheld'));
  assert.ok(!states(await verifyProof(proofs.expired, vkey)).includes('shown'));
});

test('the view that a proof gives is the very bytes that the node shows', async () => {
  for (const name of ['shown', 'erased', 'expired']) {
    const proven = await verifyProof(proofs[name], vkey);
    assert.equal(viewOf('acme', proven), records[Number(proven.index)], name);
  }
  const withheld = viewOf('acme', await verifyProof(proofs.withheld, vkey));
  assert.notEqual(withheld, records[4]);
  assert.ok(!withheld.includes('"actor"'));
});

test('a page may lay JSON out and escape more of it, and no more than that', () => {
  const source = '{"a":[1.0,1.00,-0,1e400,9007199254740993],"b":"x\\u0001\\"\\\\/é\u2028\u007f\u{e0001}","c":{},"d":null}';
  assert.equal(canonical(source), source);
  const laid = '{\n  "a": [1.0, 1.00, -0, 1e400, 9007199254740993],\n  "b": "x\\u0001\\u0022\\\\\\/\\u00e9\\u2028\\u007f\\udb40\\udc01",\n "c": {}, "d": null\n}\n';
  assert.equal(canonical(laid), source);
  for (const other of ['1.0', '1.00', '"a  b"', '"a b"', '"A"', 'true']) assert.equal(canonical(other), other);
});

test('no proof of an event holds with a character changed', async () => {
  for (const name of ['shown', 'withheld']) {
    for (const changed of changes(proofs[name])) await assert.rejects(verifyProof(changed, vkey), Refused, changed);
  }
});

test('no proof holds with a line changed', async () => {
  for (const proof of Object.values(proofs)) {
    for (const changed of lines(proof)) await assert.rejects(verifyProof(changed, vkey), Refused, changed);
  }
});

test('no disclosure holds that says anything else', async () => {
  const extra = /^extra (.*)$/m.exec(proofs.shown)[1];
  const disclosure = Buffer.from(extra, 'base64').toString();
  const again = (text) => proofs.shown.replace(extra, Buffer.from(text).toString('base64'));
  assert.equal(again(disclosure), proofs.shown);
  for (const changed of changes(disclosure, ['a', 'Z', '0', '"', '\\', '}', ',', ' ', 'é'])) {
    await assert.rejects(verifyProof(again(changed), vkey), Refused, changed);
  }
  const parsed = JSON.parse(disclosure);
  const zero = { commitment: 'A'.repeat(43) };
  for (const other of [{ v: 2 }, { who: null }, { who: zero }, { who: [] }, { who: 'x' }, { who: { bytes: '{}' } }, { more: 1 }, { entry: 1 }]) {
    await assert.rejects(verifyProof(again(JSON.stringify({ ...parsed, ...other })), vkey), Refused, JSON.stringify(other));
  }
  for (const other of ['null', '1', '[]', '{}', '"x"']) await assert.rejects(verifyProof(again(other), vkey), Refused);
});

test('another key does not hold', async () => {
  for (const changed of changes(vkey)) await assert.rejects(verifyProof(proofs.shown, changed), Refused, changed);
  const key = Buffer.concat([Buffer.from([1]), Buffer.alloc(32, 7)]).toString('base64');
  for (const other of ['', 'x', `a+00000000+${key}`]) await assert.rejects(verifyProof(proofs.shown, other), Refused);
});

test('proofs of growth hold, and no changed one does', async () => {
  const { before, checkpoint } = await verifyConsistency(consistency, vkey);
  assert.deepEqual([before.size, checkpoint.size, checkpoint.signed], [4n, 29n, true]);
  for (const changed of changes(consistency)) await assert.rejects(verifyConsistency(changed, vkey), Refused, changed);
  for (const changed of lines(consistency)) await assert.rejects(verifyConsistency(changed, vkey), Refused, changed);
});

test('without Ed25519 the signature is said to be unchecked, and all else is checked', async () => {
  const { subtle } = globalThis.crypto;
  const own = Object.getOwnPropertyDescriptor(subtle, 'importKey');
  subtle.importKey = async () => { throw new DOMException('no such algorithm', 'NotSupportedError'); };
  try {
    const proven = await verifyProof(proofs.shown, vkey);
    assert.equal(proven.checkpoint.signed, false);
    const path = proofs.shown.split('\n').findIndex((line) => line.startsWith('index')) + 1;
    const lines = proofs.shown.split('\n');
    [lines[path], lines[path + 1]] = [lines[path + 1], lines[path]];
    await assert.rejects(verifyProof(lines.join('\n'), vkey), Refused);
  } finally {
    if (own) Object.defineProperty(subtle, 'importKey', own); else delete subtle.importKey;
  }
});
