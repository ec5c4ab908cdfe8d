// Proofs as docs/format.md tells them, checked from their text and a key alone.
import { base64, base64url, decimal, equal, hex, Refused, require, sha256, text as textOf, utf8 } from './bytes.js';
import { hashOf, openCheckpoint, readKey } from './note.js';
import { leafHash, requireGrowth, rootFrom } from './tree.js';

const PROOF_BYTES_MAX = 4 << 20;
const HASHES_MAX = 64;
const PARTS = ['who', 'where', 'what'];
const ABSENT = new Uint8Array(32);
const ENTRY_HEAD = '{"v":1,';
const ENTRY_TAIL = /,"parts":"([A-Za-z0-9_-]{43})"\}$/;

/** The named lines of a proof, its hashes and its note. */
function read(proof, header, names) {
  require(utf8(proof).length <= PROOF_BYTES_MAX, 'the proof is too long');
  const end = proof.indexOf('\n\n');
  require(end >= 0, 'the proof has no checkpoint');
  const lines = proof.slice(0, end).split('\n');
  require(lines[0] === header, 'the proof is of a kind that is not known here');
  const fields = names.map((name, at) => {
    const line = lines[at + 1] ?? '';
    require(line.startsWith(`${name} `), `the proof has no line “${name}”`);
    return line.slice(name.length + 1);
  });
  const hashes = lines.slice(names.length + 1).map((line) => hashOf(line, 'a hash of the proof cannot be read'));
  require(hashes.length <= HASHES_MAX, 'the proof has too many hashes');
  return [fields, hashes, proof.slice(end + 2)];
}

function json(source, why) {
  try {
    return JSON.parse(source);
  } catch {
    throw new Refused(why);
  }
}

/** What a part adds to the parts hash, and its bytes if they are shown. */
async function part(name, disclosed) {
  const why = `the part “${name}” of the proof cannot be read`;
  if (disclosed === null) return { name, state: 'absent', commitment: ABSENT };
  require(typeof disclosed === 'object', why);
  const keys = Object.keys(disclosed).join();
  if (keys === 'commitment') {
    const commitment = base64url(String(disclosed.commitment), why);
    require(commitment.length === 32 && !equal(commitment, ABSENT), why);
    return { name, state: 'withheld', commitment };
  }
  require(keys === 'salt,bytes' && typeof disclosed.bytes === 'string', why);
  const salt = base64url(String(disclosed.salt), why);
  require(salt.length === 16, why);
  const commitment = await sha256(utf8(`indelible/v1/${name}\0`), salt, utf8(disclosed.bytes));
  return { name, state: 'shown', commitment, bytes: disclosed.bytes };
}

/**
 * Checks the proof of an event. What comes back is proven, except that where `checkpoint.signed` is false the
 * signature was not looked at.
 */
export async function verifyProof(proof, vkey) {
  const [[extra, at], path, note] = read(proof, 'c2sp.org/tlog-proof@v1', ['extra', 'index']);
  const key = await readKey(vkey);
  const checkpoint = await openCheckpoint(note, key);
  const index = decimal(at, 'the place in the proof is no number');
  const said = textOf(base64(extra, 'what the proof shows cannot be read'), 'what the proof shows is not UTF-8');
  const disclosure = json(said, 'what the proof shows is no JSON');
  // One form only, so nothing stands in it twice or beside it.
  require(JSON.stringify(disclosure) === said && disclosure !== null, 'what the proof shows is not in its one form');
  require(Object.keys(disclosure).join() === `v,entry,${PARTS.join()}` && disclosure.v === 1, 'what the proof shows is of a kind that is not known here');
  const { entry } = disclosure;
  require(typeof entry === 'string' && entry.startsWith(ENTRY_HEAD), 'the entry is of a kind that is not known here');
  const [, partsHash] = ENTRY_TAIL.exec(entry) ?? [];
  require(partsHash && json(entry, 'the entry is no JSON').parts === partsHash, 'the entry does not name its parts');
  const parts = [];
  for (const name of PARTS) parts.push(await part(name, disclosure[name]));
  const all = await sha256(utf8('indelible/parts/v1'), ...parts.map((of) => of.commitment));
  require(equal(all, base64url(partsHash, 'the hash of the parts cannot be read')), 'the parts are not those that the entry names');
  const leaf = await leafHash(utf8(entry));
  const root = await rootFrom(leaf, index, checkpoint.size, path);
  require(equal(root, checkpoint.root), 'the event does not lead to the root of the checkpoint');
  return { index, entry, parts, leaf: hex(leaf), key, checkpoint };
}

/** Checks that a trail only grew. The older size and root are only stated: compare them with those that were kept. */
export async function verifyConsistency(proof, vkey) {
  const [[old, oldRoot], path, note] = read(proof, 'indelible/consistency-proof@v1', ['old', 'old-root']);
  const checkpoint = await openCheckpoint(note, await readKey(vkey));
  const before = { size: decimal(old, 'the older size is no number'), root: hashOf(oldRoot, 'the older root is no hash') };
  await requireGrowth(before.size, before.root, checkpoint.size, checkpoint.root, path);
  return { before, checkpoint };
}

/** The event as the node shows it, spliced from what was proven: the same bytes, if it shows nothing else. */
export function viewOf(trail, proven) {
  const members = [`"trail":${JSON.stringify(trail)}`, `"seq":${proven.index}`];
  members.push(proven.entry.slice(ENTRY_HEAD.length).replace(ENTRY_TAIL, ''));
  for (const of of proven.parts) if (of.state === 'shown' && of.bytes.length > 2) members.push(of.bytes.slice(1, -1));
  return `{${members.join()}}`;
}

/** JSON without the white space between its tokens, its strings escaped as little as can be: our canonical form. */
export function canonical(source) {
  return source.replace(/"(?:[^"\\]|\\.)*"|\s+/g, (token) => (token[0] === '"' ? JSON.stringify(json(token, 'what the page shows is no JSON')) : ''));
}
