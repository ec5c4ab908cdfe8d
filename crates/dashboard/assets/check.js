// Says what is wrong with a query while it is written, under the very column, as the server does for a whole page.
const WAIT_MS = 900;
const AROUND = 60;

const make = (name, content, className) => {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...[content].flat());
  return element;
};
// One character each, so that the mark stands where it should.
const plain = (c) => (/^[\x20-\x7e\u00a1-\u024f\u0370-\u052f]$/u.test(c) ? c : '·');

function wrong(field, { column, length, message, hint, instead }) {
  const chars = [...field.value];
  const skipped = Math.max(0, column - 1 - AROUND);
  const line = chars.slice(skipped, skipped + 2 * AROUND).map(plain).join('');
  const mark = make('span', '^'.repeat(Math.min(length, 2 * AROUND)), 'mark');
  const said = make('p', make('strong', message));
  if (instead) {
    const fixed = [...chars.slice(0, column - 1), instead, ...chars.slice(column - 1 + length)].join('');
    const address = new URL(location.href);
    address.searchParams.set('q', fixed);
    address.searchParams.delete('cursor');
    const link = make('a', instead);
    link.id = 'q-meant';
    link.href = address;
    said.append(' Did you mean ', link, '?');
  } else if (hint) said.append(document.createElement('br'), make('span', hint, 'quiet'));
  return make('div', [make('pre', [`${line}\n${' '.repeat(column - 1 - skipped)}`, mark]), said], 'wrong');
}

export function check(field, place) {
  let timer = 0;
  let turn = 0;
  async function look() {
    const mine = turn += 1;
    const response = await fetch(`/api/audit/query?${new URLSearchParams({ q: field.value })}`).catch(() => null);
    if (!response?.ok) return;
    const { error } = await response.json();
    if (mine !== turn) return;
    place.replaceChildren(...(error ? [wrong(field, error)] : []));
    if (error) field.setAttribute('aria-invalid', 'true'); else field.removeAttribute('aria-invalid');
  }
  field.addEventListener('input', () => {
    clearTimeout(timer);
    // What was wrong may be right now; what is not finished is not wrong yet.
    timer = setTimeout(look, place.childElementCount ? WAIT_MS / 3 : WAIT_MS);
  });
}
