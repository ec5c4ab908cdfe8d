// A log made here, with its own tree, proofs and signatures, so that a rewritten one can be made as well.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';

const sha256 = (...pieces) => createHash('sha256').update(Buffer.concat(pieces.map((piece) => Buffer.from(piece)))).digest();
const LEAF = [0];
const NODE = [1];

export async function makeKey(name) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url');
  const bytes = Buffer.concat([Buffer.from([1]), raw]);
  const id = sha256(`${name}\n`, bytes).subarray(0, 4);
  const vkey = `${name}+${id.toString('hex')}+${bytes.toString('base64')}`;
  const note = (text) => `${text}\n— ${name} ${Buffer.concat([id, sign(null, Buffer.from(text), privateKey)]).toString('base64')}\n`;
  return { name, vkey, note };
}

const split = (size) => 2 ** Math.ceil(Math.log2(size) - 1);

function root(leaves) {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0];
  const at = split(leaves.length);
  return sha256(NODE, root(leaves.slice(0, at)), root(leaves.slice(at)));
}

// SUBPROOF of RFC 6962 §2.1.2.
function subproof(old, leaves, whole) {
  if (old === leaves.length) return whole ? [] : [root(leaves)];
  const at = split(leaves.length);
  return old <= at
    ? [...subproof(old, leaves.slice(0, at), whole), root(leaves.slice(at))]
    : [...subproof(old - at, leaves.slice(at), false), root(leaves.slice(0, at))];
}

/** A tree of so many leaves, one of them perhaps another. */
export async function makeTree(size, changed) {
  const leaves = Array.from({ length: size }, (_, at) => sha256(LEAF, `entry ${at}${at === changed ? '!' : ''}`));
  return {
    root: (to) => new Uint8Array(root(leaves.slice(0, to))),
    growth: (from, to) => (from === 0 ? [] : subproof(from, leaves.slice(0, to), true)),
  };
}

export async function consistencyOf(tree, key, from, to) {
  const base64 = (bytes) => Buffer.from(bytes).toString('base64');
  const hashes = tree.growth(from, to).map((hash) => `${base64(hash)}\n`).join('');
  const note = key.note(`${key.name}\n${to}\n${base64(tree.root(to))}\n`);
  return `indelible/consistency-proof@v1\nold ${from}\nold-root ${base64(tree.root(from))}\n${hashes}\n${note}`;
}
