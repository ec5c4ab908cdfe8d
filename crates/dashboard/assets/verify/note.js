// Signed notes, checkpoints and keys (C2SP signed-note and tlog-checkpoint).
import { base64, decimal, hex, require, sha256, utf8 } from './bytes.js';

const NOTE_BYTES_MAX = 1 << 20;
const SIGNATURES_MAX = 100;
const ED25519 = 1;

/** Reads `<name>+<key id>+<base64 of the algorithm and the key>`. */
export async function readKey(vkey) {
  const why = 'the key of the trail cannot be read';
  // Base64 has plus signs of its own.
  const [, name, id, rest] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey) ?? [];
  require(rest, why);
  const bytes = base64(rest, why);
  require(bytes.length === 33 && bytes[0] === ED25519, 'the key of the trail is of a kind that is not known here');
  const hash = await sha256(utf8(`${name}\n`), bytes);
  require(hex(hash.subarray(0, 4)) === id, 'the id of the trail’s key is not that of the key');
  return { name, id, public: bytes.subarray(1), hash: hex(hash) };
}

/**
 * The origin, size and root that the key signed. `signed` is false where this browser has no Ed25519: then they are
 * whatever somebody wrote.
 */
export async function openCheckpoint(note, key) {
  require(utf8(note).length <= NOTE_BYTES_MAX, 'the checkpoint is too long');
  require(!/[\0-\x09\x0b-\x1f]/.test(note), 'the checkpoint has control characters');
  const end = note.lastIndexOf('\n\n');
  require(end >= 0 && note.endsWith('\n') && end + 2 < note.length, 'the checkpoint is not a signed note');
  const text = note.slice(0, end + 1);
  const lines = note.slice(end + 2, -1).split('\n');
  require(lines.length <= SIGNATURES_MAX, 'the checkpoint has too many signatures');
  let signed;
  for (const line of lines) {
    const [, name, base] = /^— ([^+\s]+) (\S+)$/u.exec(line) ?? [];
    require(base, 'a signature of the checkpoint cannot be read');
    const bytes = base64(base, 'a signature of the checkpoint cannot be read');
    require(bytes.length > 4, 'a signature of the checkpoint is too short');
    if (name !== key.name || hex(bytes.subarray(0, 4)) !== key.id) continue;
    // All that claim to be by this key must be genuine.
    signed = (signed ?? true) && (await isGenuine(key, bytes.subarray(4), utf8(text)));
  }
  require(signed !== undefined, 'the checkpoint is not signed by the key of the trail');
  return { ...readCheckpoint(text, key.name), signed };
}

function readCheckpoint(text, name) {
  const lines = text.split('\n');
  // We never set extension lines; what they would say nobody checks.
  require(lines.length === 4 && lines[3] === '', 'the checkpoint is not origin, size and root');
  const [origin, size, root] = lines;
  require(origin === name, 'the checkpoint is of another trail');
  return { origin, size: decimal(size, 'the size in the checkpoint is no number'), root: hashOf(root, 'the root in the checkpoint is no hash') };
}

async function isGenuine(key, signature, text) {
  const subtle = globalThis.crypto.subtle;
  let imported;
  try {
    imported = await subtle.importKey('raw', key.public, { name: 'Ed25519' }, false, ['verify']);
  } catch (error) {
    if (error.name === 'NotSupportedError') return false;
    require(false, 'the key of the trail is not a key');
  }
  const genuine = await subtle.verify({ name: 'Ed25519' }, imported, signature, text);
  require(genuine, 'the signature of the checkpoint is wrong');
  return true;
}

export function hashOf(text, why) {
  const bytes = base64(text, why);
  require(bytes.length === 32, why);
  return bytes;
}
