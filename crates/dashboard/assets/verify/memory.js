// What this browser remembers of each trail, so that it notices by itself when a key changes or a log is rewritten:
// the key it saw first, and the largest checkpoint that it has checked.
import { base64, encode, equal, require } from './bytes.js';
import { verifyConsistency } from './proof.js';

const name = (trail) => `indelible.trail.${trail}`;

function recall(storage, trail) {
  try {
    const kept = JSON.parse(storage.getItem(name(trail)) ?? 'null');
    if (kept === null) return null;
    return { vkey: String(kept.vkey), since: String(kept.since), size: BigInt(kept.size), root: base64(kept.root, 'the remembered root') };
  } catch {
    // Whoever can write here could also remove it: what cannot be read is as good as nothing.
    return null;
  }
}

function remember(storage, trail, known) {
  try {
    const kept = { vkey: known.vkey, since: known.since, size: String(known.size), root: encode(known.root) };
    storage.setItem(name(trail), JSON.stringify(kept));
    return true;
  } catch {
    return false;
  }
}

/** Forgets a trail, so that its key is trusted anew on first use. */
export const forget = (storage, trail) => storage.removeItem(name(trail));

/** A changed key, with what was known before. */
export class KeyChanged extends Error {
  constructor(known) {
    super('the key of this trail is not the one that this browser saw before');
    this.known = known;
  }
}

/**
 * Compares a checked key with the one seen before. To be called before anything else is believed.
 */
export function requireKnownKey(storage, trail, vkey) {
  const known = recall(storage, trail);
  if (known && known.vkey !== vkey) throw new KeyChanged(known);
  return known;
}

/**
 * Holds a signed checkpoint against the largest one seen before, and keeps the larger. `fetchGrowth(from, to)` gives
 * the text of a proof of consistency.
 */
export async function requireGrown(storage, trail, vkey, checkpoint, now, fetchGrowth) {
  const known = requireKnownKey(storage, trail, vkey);
  const { size, root } = checkpoint;
  if (known === null) {
    return { since: null, kept: remember(storage, trail, { vkey, since: now, size, root }) };
  }
  if (known.size === size) {
    require(equal(known.root, root), 'this browser saw another log of the same size before: records were rewritten');
    return { since: known, kept: true };
  }
  const [older, newer] = known.size < size ? [known, checkpoint] : [checkpoint, known];
  const growth = await verifyConsistency(await fetchGrowth(older.size, newer.size), vkey);
  require(growth.checkpoint.signed, 'the proof of growth is not signed');
  const same = (a, b) => a.size === b.size && equal(a.root, b.root);
  require(same(growth.before, older), 'the log does not begin with what this browser saw before: records were rewritten');
  require(same(growth.checkpoint, newer), 'the log is not what this browser saw before: records were rewritten');
  // Another tab may have gone further in the meantime; the larger one stays.
  const latest = recall(storage, trail) ?? known;
  const kept = latest.size >= newer.size || remember(storage, trail, { vkey, since: known.since, size: newer.size, root: newer.root });
  return { since: known, kept };
}
