// Bytes and their spellings. Every spelling here is the only one that is taken: a proof that says the same in another
// way was touched by somebody.

/** Why something does not hold, in words for people. Anything else that is thrown is a fault of ours. */
export class Refused extends Error {}

export function require(holds, why) {
  if (!holds) throw new Refused(why);
}

const subtle = () => globalThis.crypto?.subtle;

/** Whether this page can compute hashes: only where it came by https, or from this machine. */
export const canHash = () => Boolean(subtle());

export const utf8 = (text) => new TextEncoder().encode(text);

export async function sha256(...pieces) {
  return new Uint8Array(await subtle().digest('SHA-256', join(pieces)));
}

export function join(pieces) {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

export const equal = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

export const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Base64 with padding. */
export function base64(text, why) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    throw new Refused(why);
  }
  // `atob` passes over white space and takes other spellings of the last bits.
  require(encode(bytes) === text, why);
  return bytes;
}

/** Base64url without padding. */
export function base64url(text, why) {
  require(/^[A-Za-z0-9_-]*$/.test(text), why);
  const padding = '='.repeat((4 - (text.length % 4)) % 4);
  return base64(text.replaceAll('-', '+').replaceAll('_', '/') + padding, why);
}

export function encode(bytes) {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** A number that may be larger than what JavaScript counts exactly. */
export function decimal(text, why) {
  require(/^(0|[1-9][0-9]{0,18})$/.test(text), why);
  const number = BigInt(text);
  require(number <= 0x7fff_ffff_ffff_ffffn, why);
  return number;
}

/** Text of bytes that must be UTF-8. */
export function text(bytes, why) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused(why);
  }
}
