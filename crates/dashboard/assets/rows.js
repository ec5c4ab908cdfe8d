// Rows: the event beside them, a value's two ways into the search, and the place kept when one comes back.
const find = (selector, root = document) => root.querySelector(selector);
const list = find('#rows');
const results = find('#results');
const panel = find('#panel');

// ---- the event beside the rows ----------------------------------------------------------------------
let current = null;
let turn = 0;
let waiting = 0;

function close() {
  if (!panel || panel.hidden) return false;
  turn += 1;
  clearTimeout(waiting);
  const inside = panel.contains(document.activeElement);
  const was = current?.getBoundingClientRect().top;
  panel.hidden = true;
  panel.replaceChildren();
  results.classList.remove('open');
  // The row stays where the eye is.
  if (current) scrollBy(0, current.getBoundingClientRect().top - was);
  current?.removeAttribute('aria-current');
  if (inside) find('.said', current)?.focus();
  current = null;
  return true;
}

function head(address) {
  const bar = document.createElement('div');
  bar.className = 'panel-head';
  const link = document.createElement('a');
  Object.assign(link, { href: address, textContent: 'On its own page' });
  const button = document.createElement('button');
  Object.assign(button, { type: 'button', className: 'plain', textContent: 'Close' });
  button.setAttribute('aria-label', 'Close the event');
  button.addEventListener('click', close);
  bar.append(link, button);
  return bar;
}

async function open(row, focus) {
  const mine = turn += 1;
  const address = row.dataset.href;
  current?.removeAttribute('aria-current');
  current = row;
  row.setAttribute('aria-current', 'true');
  const response = await fetch(address, { headers: { 'HX-Request': 'true', accept: 'text/html' } }).catch(() => null);
  if (mine !== turn) return;
  if (!response || response.status === 401) { location.assign(address); return; }
  const html = await response.text();
  if (mine !== turn) return;
  // Made by our own server, which escapes whatever an event holds.
  panel.innerHTML = html;
  panel.prepend(head(address));
  const was = row.getBoundingClientRect().top;
  panel.hidden = false;
  results.classList.add('open');
  scrollBy(0, row.getBoundingClientRect().top - was);
  panel.scrollTop = 0;
  window.htmx?.process(panel);
  document.dispatchEvent(new CustomEvent('indelible:added', { detail: panel }));
  row.scrollIntoView({ block: 'nearest' });
  if (focus) panel.focus({ preventScroll: true });
}

if (list && panel) {
  list.addEventListener('click', (event) => {
    const row = event.target.closest('[data-row]');
    const link = event.target.closest('a');
    if (!row || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link && !link.classList.contains('said')) return;
    if (!link && getSelection()?.type === 'Range') return;
    // Where there is no room beside the rows, the event's own page is better: the way back is the browser's.
    if (matchMedia('(max-width: 40rem)').matches) { if (!link) location.assign(row.dataset.href); return; }
    event.preventDefault();
    if (row === current && !link) { close(); return; }
    // Who came by keyboard goes on reading there.
    open(row, event.detail === 0);
  });
  document.addEventListener('keydown', (event) => {
    if (panel.hidden || !['j', 'k'].includes(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, textarea, select, [contenteditable]')) return;
    const row = find('[data-row][data-selected]', list);
    clearTimeout(waiting);
    if (row && row !== current) waiting = setTimeout(() => open(row, false), 100);
  });
  document.addEventListener('indelible:close', close);
}

// ---- a value's two ways into the search ----------------------------------------------------------------
const choice = document.createElement('span');
choice.className = 'choose';
for (const [mark, sign, said] of [['a', '+', 'Add to the search'], ['x', '−', 'Exclude from the search']]) {
  const link = document.createElement('a');
  Object.assign(link, { textContent: sign, title: said });
  link.dataset.mark = mark;
  choice.append(link);
}

function offer(value) {
  if (choice.parentElement === value) return;
  const { key, value: text } = value.dataset;
  for (const link of choice.children) {
    const address = new URL('/', location.href);
    address.search = location.search;
    for (const name of ['cursor', 'summary']) address.searchParams.delete(name);
    address.searchParams.append(`${link.dataset.mark}.${key}`, text);
    link.href = address;
    const what = `${key} ${[...text].slice(0, 80).join('')}`;
    link.setAttribute('aria-label', link.dataset.mark === 'a' ? `Add ${what} to the search` : `Exclude ${what} from the search`);
  }
  value.append(choice);
}

if (list) {
  const of = (event) => event.target.closest?.('.value[data-key]');
  list.addEventListener('pointerover', (event) => { const value = of(event); if (value) offer(value); else if (!choice.contains(document.activeElement)) choice.remove(); });
  list.addEventListener('pointerleave', () => { if (!choice.contains(document.activeElement)) choice.remove(); });
  list.addEventListener('focusin', (event) => { const value = of(event); if (value) offer(value); });
  list.addEventListener('focusout', (event) => { if (!choice.parentElement?.contains(event.relatedTarget)) choice.remove(); });
}

// ---- the place, kept ---------------------------------------------------------------------------------------
const rows = () => list.querySelectorAll('[data-row]');
const say = (text) => { const status = find('#status'); if (status) status.textContent = text; };

function keep() {
  if (!list) return;
  const top = [...rows()].find((row) => row.getBoundingClientRect().bottom > 0);
  const place = top && { rows: rows().length, row: top.dataset.href, y: top.getBoundingClientRect().top };
  history.replaceState({ ...history.state, place }, '');
}

async function restore({ rows: wanted, row, y }) {
  history.scrollRestoration = 'manual';
  for (let more = find('[data-more]', list); more && rows().length < wanted; more = find('[data-more]', list)) {
    const response = await fetch(more.getAttribute('hx-get'), { headers: { 'HX-Request': 'true' } }).catch(() => null);
    if (!response?.ok || !more.isConnected) break;
    const piece = document.createElement('template');
    piece.innerHTML = await response.text();
    const item = more.closest('li');
    if (!item?.isConnected) break;
    item.replaceWith(piece.content);
    document.dispatchEvent(new CustomEvent('indelible:added', { detail: list }));
  }
  window.htmx?.process(list);
  const found = [...rows()].find((other) => other.dataset.href === row);
  if (found) scrollBy(0, found.getBoundingClientRect().top - y);
  history.scrollRestoration = 'auto';
}

if (list) {
  let timer = 0;
  const later = () => { clearTimeout(timer); timer = setTimeout(keep, 200); };
  const begin = () => {
    addEventListener('scroll', later, { passive: true });
    document.addEventListener('click', keep, true);
    addEventListener('pagehide', keep);
  };
  let count = rows().length;
  document.addEventListener('htmx:after:swap', () => {
    const now = rows().length;
    if (now > count) say(`${now - count} more events, ${now} in all`);
    count = now;
  });
  const place = history.state?.place;
  if (place && place.row) restore(place).then(begin); else begin();
}
