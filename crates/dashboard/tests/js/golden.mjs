// The golden files of format v1, and ways to change a text.
import { readFileSync } from 'node:fs';

const file = (name) => readFileSync(new URL(`../../../../testdata/v1/${name}`, import.meta.url), 'utf8');

export const vkey = file('acme.vkey').trim();
export const proofs = Object.fromEntries(['shown', 'withheld', 'erased', 'expired'].map((name) => [name, file(`${name}.proof`)]));
export const consistency = file('consistency.proof');
// The exact lines: a parser would lose how numbers are written.
export const records = file('records.ndjson').split('\n').filter((line) => line.startsWith('{"trail":"acme"'));

// One of each kind of byte that stands in a proof, and some that never may.
const BYTES = ['A', 'z', '0', '+', '/', '=', '-', ' ', '\n', '\t', '\0', 'é', '\u2028'];

/** The text with one character in another's place, left out, or said twice: at every place. */
export function* changes(text, others = BYTES) {
  for (let at = 0; at < text.length; at += 1) {
    const [before, after] = [text.slice(0, at), text.slice(at + 1)];
    // Kinds of bytes and of places are of different rhythm, so that each comes to each.
    const other = others[at % others.length];
    if (other !== text[at]) yield before + other + after;
    yield at % 2 === 0 ? before + after : before + text[at] + text[at] + after;
  }
}

/** The text with one line left out, said twice, exchanged with the next, or followed by an empty one. */
export function* lines(text) {
  const all = text.split('\n').slice(0, -1);
  const made = (lines) => `${lines.join('\n')}\n`;
  for (let at = 0; at < all.length; at += 1) {
    yield made(all.toSpliced(at, 1));
    // A signature twice is the same signature.
    if (!all[at].startsWith('— ')) yield made(all.toSpliced(at, 0, all[at]));
    yield made(all.toSpliced(at, 0, ''));
    yield made(all.toSpliced(at, 0, 'x'));
    if (at > 0) yield made(all.toSpliced(at - 1, 2, all[at], all[at - 1]));
  }
  yield made([...all, '']);
  yield text.slice(0, -1);
  yield text.replaceAll('\n', '\r\n');
  yield `\ufeff${text}`;
  yield '';
}
