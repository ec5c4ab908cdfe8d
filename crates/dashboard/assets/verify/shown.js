// Whether the values that a page shows, one by one, are those of the event.
import { require } from './bytes.js';

// The page names characters that no eye would see, as `U+202E`.
function textIn(node) {
  const copy = node.cloneNode(true);
  for (const unseen of copy.querySelectorAll('.unseen')) {
    unseen.replaceWith(String.fromCodePoint(parseInt(unseen.textContent.slice(2), 16)));
  }
  return copy.textContent;
}

/** The member that a JSON Pointer names. */
export function at(value, pointer) {
  const steps = pointer.split('/').slice(1);
  return steps.reduce((of, step) => of?.[step.replaceAll('~1', '/').replaceAll('~0', '~')], value);
}

/** Compares each value that says where in the event it is from; how many there were. */
export function shownAsProven(root, event) {
  const all = root.querySelectorAll('[data-pointer]');
  for (const node of all) {
    const { pointer } = node.dataset;
    const proven = at(event, pointer);
    require(proven !== undefined && String(proven) === textIn(node), `the page shows another ${pointer.slice(1).replaceAll('/', '.')} than the proof`);
  }
  return all.length;
}
