// What is being written at the caret, as the completion of the search sees it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { spot } from '../../assets/complete.js';

// The caret is where the bar stands.
const at = (text) => {
  const caret = text.indexOf('|');
  const { key, prefix, start, end } = spot(text.replace('|', ''), caret);
  return [key, prefix, text.replace('|', '').slice(start, end)];
};

test('a key', () => {
  assert.deepEqual(at('act|'), [undefined, 'act', 'act']);
  assert.deepEqual(at('word -act|or x'), [undefined, 'act', 'actor']);
  assert.deepEqual(at('(a OR (act|))'), [undefined, 'act', 'act']);
  assert.deepEqual(at('|'), [undefined, '', '']);
});

test('a value', () => {
  assert.deepEqual(at('actor:ma|ria x'), ['actor', 'ma', 'maria']);
  assert.deepEqual(at('-actor:ali,ma|'), ['actor', 'ma', 'ma']);
  assert.deepEqual(at('name:"Ada Ex|ample" x'), ['name', 'Ada Ex', '"Ada Example"']);
  assert.deepEqual(at('name:"a\\"b|'), ['name', 'a"b', '"a\\"b']);
  assert.deepEqual(at('outcome:|'), ['outcome', '', '']);
});

test('neither within quotes nor after them is anything a key', () => {
  assert.equal(at('"actor:ma|')[0], undefined);
  assert.deepEqual(at('"two words" act|'), [undefined, 'act', 'act']);
});
