// On every page: times, keys, copying. All of it works without, only less well.
import { localise } from './times.js';

const find = (selector, root = document) => root.querySelector(selector);
localise(document);
// Pieces that came later: by htmx, or by a module of ours that says so.
for (const name of ['htmx:after:settle', 'htmx:after:swap', 'indelible:added']) {
  document.addEventListener(name, () => localise(document));
}
// The server draws heat maps in the viewer's zone.
document.cookie = `indelible_zone=${-new Date().getTimezoneOffset()}; path=/; samesite=lax; max-age=31536000`;

// ---- rows: j, k, Enter ----------------------------------------------------------------------
const rows = () => [...document.querySelectorAll('[data-row]')];
let current = null;

function select(row) {
  if (!row) return;
  current?.removeAttribute('data-selected');
  current = row;
  row.dataset.selected = '';
  find('a', row)?.focus({ preventScroll: true });
  row.scrollIntoView({ block: 'nearest' });
}

function step(by) {
  const all = rows();
  const at = current && current.isConnected ? all.indexOf(current) : all.findIndex((row) => row.contains(document.activeElement));
  select(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by]);
}

// ---- keys -------------------------------------------------------------------------------------
const dialog = find('#keys');
let leader = 0;
const typing = (target) => target.closest('input, textarea, select, [contenteditable]');

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') {
    if (typing(event.target)) event.target.blur();
    document.dispatchEvent(new CustomEvent('indelible:close'));
    return;
  }
  if (typing(event.target) || dialog?.open) return;
  if (performance.now() - leader < 1500) {
    leader = 0;
    const link = [...document.querySelectorAll('nav a[data-key]')].find((link) => link.dataset.key === event.key);
    if (link) { event.preventDefault(); link.click(); return; }
  }
  const act = {
    '/': () => { const field = find('#q') ?? find('input[type=search]'); if (field) { field.focus(); field.select?.(); } else location.assign('/'); },
    j: () => step(1),
    k: () => step(-1),
    g: () => { leader = performance.now(); },
    '?': () => dialog?.showModal(),
  }[event.key];
  if (act) { event.preventDefault(); act(); }
});

// ---- copying ----------------------------------------------------------------------------------
document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  const text = find(button.dataset.copy)?.textContent ?? '';
  try {
    await navigator.clipboard.writeText(text);
    button.dataset.word ??= button.textContent;
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = button.dataset.word; }, 1500);
  } catch {
    // No clipboard outside https and localhost: what is to be copied is selected instead.
    getSelection().selectAllChildren(find(button.dataset.copy));
  }
});
