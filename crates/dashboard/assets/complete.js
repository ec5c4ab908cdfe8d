// Completes keys and values of the query language, as an ARIA 1.2 combobox: the focus stays in the field.
const WAIT_MS = 150;
const SHOWN = 10;
const TIMES = ['-15m', '-1h', '-24h', '-7d', '-30d', 'today', 'yesterday'];

const asked = new Map();
function ask(address) {
  if (!asked.has(address)) {
    const answer = fetch(address, { headers: { accept: 'application/json' } }).then((response) => (response.ok ? response.json() : {}), () => ({}));
    asked.set(address, answer);
  }
  return asked.get(address);
}
const keys = async () => (await ask('/api/audit/query/keys')).keys ?? [];

// A value as the language writes it: in quotes wherever a bare word could mean something else.
function written(value) {
  const plain = /^[A-Za-z0-9][A-Za-z0-9._\-/@]*$/.test(value) && !value.includes('..') && !['OR', 'AND', 'NOT'].includes(value);
  return plain ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}

// What is being written at the caret: a key, or a value of one, and where.
export function spot(text, caret) {
  let start = 0;
  let quoted = false;
  for (let at = 0; at < caret; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') quoted = !quoted;
    else if (!quoted && /[\s()]/.test(text[at])) start = at + 1;
  }
  let end = caret;
  if (quoted) {
    const close = text.indexOf('"', caret);
    end = close < 0 ? text.length : close + 1;
  } else while (end < text.length && !/[\s(),]/.test(text[end])) end += 1;
  const minus = text[start] === '-' ? 1 : 0;
  const token = text.slice(start + minus, caret);
  const key = token.match(/^[A-Za-z0-9_.]+(?=:)/)?.[0];
  if (!key) return { prefix: token, start: start + minus, end };
  let from = start + minus + key.length + 1;
  let inside = false;
  for (let at = from; at < caret; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') inside = !inside;
    else if (!inside && text[at] === ',') from = at + 1;
  }
  const prefix = text.slice(from, caret).replace(/^"/, '').replace(/\\(.)/g, '$1');
  return { key, prefix, start: from, end };
}

async function options({ key, prefix }) {
  const low = prefix.toLowerCase();
  if (key === undefined) {
    if (prefix.startsWith('"') || prefix.startsWith('/')) return [];
    const named = (await keys()).filter((entry) => [entry.name, ...entry.aliases].some((name) => name.startsWith(low)));
    return named.map((entry) => ({ insert: entry.name.includes('…') ? entry.name.split('…')[0] : `${entry.name}:`, shown: entry.name, note: entry.what, on: true }));
  }
  const entry = (await keys()).find((entry) => entry.name === key || entry.aliases.includes(key));
  const fixed = (values) => values.filter((value) => value.startsWith(low)).map((value) => ({ insert: value, shown: value, note: '' }));
  if (!entry) return [];
  if (entry.values.length) return fixed(entry.values);
  if (entry.name === 'created' || entry.name === 'occurred') return fixed(TIMES);
  if (entry.name === 'trail') return fixed(((await ask('/api/trails')).trails ?? []).map((trail) => trail.name));
  if (!entry.field) return [];
  const found = await ask(`/api/audit/suggest?${new URLSearchParams({ field: entry.field, prefix, limit: SHOWN })}`);
  return (found.values ?? []).map(({ value, count }) => ({ insert: written(value), shown: value, note: count.toLocaleString('en') }));
}

let fields = 0;

// `only` is the key that the field is all about, if it is.
export function complete(field, only) {
  const id = `options-${fields += 1}`;
  const list = document.createElement('ul');
  Object.assign(list, { id, className: 'options', hidden: true });
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', 'Suggestions');
  const frame = field.closest('form');
  if (only) { field.parentElement.classList.add('completed'); field.after(list); } else frame.append(list);
  for (const [name, value] of Object.entries({ role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': id })) field.setAttribute(name, value);

  let shown = [];
  let at = -1;
  let place = null;
  let timer = 0;
  let turn = 0;

  function close() {
    clearTimeout(timer);
    turn += 1;
    list.hidden = true;
    shown = [];
    at = -1;
    field.setAttribute('aria-expanded', 'false');
    field.removeAttribute('aria-activedescendant');
  }

  function choose(next) {
    at = next;
    [...list.children].forEach((item, index) => item.setAttribute('aria-selected', String(index === at)));
    if (at < 0) { field.removeAttribute('aria-activedescendant'); return; }
    field.setAttribute('aria-activedescendant', list.children[at].id);
    list.children[at].scrollIntoView({ block: 'nearest' });
  }

  function accept(option) {
    if (only) {
      field.value = option.insert;
    } else {
      const { start, end } = place;
      const after = field.value.slice(end);
      const insert = option.on || after.startsWith(' ') ? option.insert : `${option.insert} `;
      field.value = field.value.slice(0, start) + insert + after;
      const caret = start + insert.length;
      field.setSelectionRange(caret, caret);
    }
    field.dispatchEvent(new Event('input', { bubbles: true }));
    if (!option.on) close();
  }

  async function open() {
    const mine = turn += 1;
    place = only
      ? { key: only, prefix: field.value.replace(/^"|"$/g, ''), start: 0, end: field.value.length }
      : spot(field.value, field.selectionStart ?? field.value.length);
    const found = (await options(place)).slice(0, only || place.key ? SHOWN : 40);
    if (mine !== turn || document.activeElement !== field) return;
    const same = found.length === 1 && found[0].insert === field.value.slice(place.start, place.end);
    if (!found.length || same) { close(); return; }
    shown = found;
    at = -1;
    list.replaceChildren(...found.map((option, index) => {
      const item = document.createElement('li');
      item.id = `${id}-${index}`;
      item.setAttribute('role', 'option');
      item.setAttribute('aria-selected', 'false');
      const [name, note] = [document.createElement('code'), document.createElement('span')];
      name.textContent = option.shown;
      note.textContent = option.note;
      item.append(name, note);
      return item;
    }));
    list.hidden = false;
    field.setAttribute('aria-expanded', 'true');
    field.removeAttribute('aria-activedescendant');
  }

  field.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(open, WAIT_MS); });
  field.addEventListener('blur', () => setTimeout(close, 100));
  field.addEventListener('keydown', (event) => {
    const isOpen = !list.hidden;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!isOpen) { open(); return; }
      const count = shown.length;
      const next = event.key === 'ArrowDown' ? at + 1 : at - 1;
      // Beyond either end is the field itself.
      choose(next >= count || next === -1 ? -1 : next < -1 ? count - 1 : next);
    } else if (event.key === 'Enter') {
      if (isOpen && at >= 0) { event.preventDefault(); accept(shown[at]); } else close();
    } else if (event.key === 'Escape' && isOpen) {
      event.preventDefault();
      close();
    }
  });
  list.addEventListener('pointerdown', (event) => {
    const item = event.target.closest('li');
    if (!item) return;
    // The field keeps the focus.
    event.preventDefault();
    accept(shown[[...list.children].indexOf(item)]);
  });
}
