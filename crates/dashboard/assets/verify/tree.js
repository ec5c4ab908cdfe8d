// The Merkle tree of RFC 6962: from a leaf to the root, and from an older root to a newer one.
import { equal, require, sha256 } from './bytes.js';

const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

export const leafHash = (entry) => sha256(LEAF, entry);
const nodeHash = (left, right) => sha256(NODE, left, right);

// The largest power of two below a size of at least 2.
const split = (size) => 1n << BigInt((size - 1n).toString(2).length - 1);

/** The root of a tree of `size` leaves, out of one leaf and its path, by the definition of PATH in §2.1.1. */
export async function rootFrom(leaf, index, size, path) {
  require(index < size, 'the event lies beyond the checkpoint');
  if (size === 1n) {
    require(path.length === 0, 'the path to the root has too many hashes');
    return leaf;
  }
  require(path.length > 0, 'the path to the root has too few hashes');
  const [rest, last, left] = [path.slice(0, -1), path[path.length - 1], split(size)];
  return index < left
    ? nodeHash(await rootFrom(leaf, index, left, rest), last)
    : nodeHash(last, await rootFrom(leaf, index - left, size - left, rest));
}

/** Checks that the older tree is the beginning of the newer one (§2.1.2). */
export async function requireGrowth(oldSize, oldRoot, size, root, path) {
  require(oldSize <= size, 'the older size is beyond the newer one');
  if (oldSize === 0n) {
    require(path.length === 0, 'the proof of growth has too many hashes');
    require(equal(oldRoot, await sha256()), 'the older root is not that of no records');
    return;
  }
  const [before, after] = await rootsFrom(oldSize, size, path, oldRoot, true);
  require(equal(before, oldRoot), 'the older records are not the beginning of the newer ones');
  require(equal(after, root), 'the newer root does not follow from the older one');
}

async function rootsFrom(old, size, path, oldRoot, whole) {
  if (old === size) {
    require(path.length === (whole ? 0 : 1), 'the proof of growth has not as many hashes as it must');
    return whole ? [oldRoot, oldRoot] : [path[0], path[0]];
  }
  require(path.length > 0, 'the proof of growth has too few hashes');
  const [rest, last, left] = [path.slice(0, -1), path[path.length - 1], split(size)];
  if (old <= left) {
    const [before, after] = await rootsFrom(old, left, rest, oldRoot, whole);
    return [before, await nodeHash(after, last)];
  }
  const [before, after] = await rootsFrom(old - left, size - left, rest, oldRoot, false);
  return [await nodeHash(last, before), await nodeHash(last, after)];
}
