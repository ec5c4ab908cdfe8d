// The settings, the export, the API's page. All of them work without.
const find = (selector, root = document) => root.querySelector(selector);

// ---- a change is sent once ----------------------------------------------------------------------
for (const form of document.querySelectorAll('form[data-once]')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = 'yes';
  });
}
// A page that the browser brings back may be sent again.
addEventListener('pageshow', () => { for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent; });

// ---- the API's page: a filter ---------------------------------------------------------------------
const filter = find('#docs-filter');
if (filter) {
  find('#narrow-docs').hidden = false;
  const narrow = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let any = false;
    for (const one of document.querySelectorAll('[data-operation]')) {
      one.hidden = !words.every((word) => one.dataset.operation.includes(word));
      any ||= !one.hidden;
    }
    for (const group of document.querySelectorAll('[data-group]')) group.hidden = !find('[data-operation]:not([hidden])', group);
    find('#docs-none').hidden = any;
  };
  filter.addEventListener('input', narrow);
  narrow();
}

// ---- the export: how far it is ----------------------------------------------------------------------
const form = find('#export');
const PAUSE = 500;
const MISSES_MAX = 20;
const number = new Intl.NumberFormat('en');

function size(bytes) {
  for (const unit of ['bytes', 'KiB', 'MiB', 'GiB']) {
    if (bytes < 1024) return unit === 'bytes' ? `${bytes} bytes` : `${bytes.toFixed(1)} ${unit}`;
    bytes /= 1024;
  }
  return `${bytes.toFixed(1)} TiB`;
}

function ticket() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function show(text, state) {
  const line = find('#so-far');
  if (line.textContent !== text) line.textContent = text;
  find('#progress').dataset.state = state;
}

function shown(at) {
  const bar = find('#bar');
  const sum = `${number.format(at.events)}${at.of == null ? '' : ` of ${number.format(at.of)}`} events, ${size(at.bytes)}`;
  if (at.of > 0) { bar.max = at.of; bar.value = Math.min(at.events, at.of); } else { bar.removeAttribute('value'); }
  if (at.state === 'done') { bar.max = 1; bar.value = 1; show(`Done: ${number.format(at.events)} events, ${size(at.bytes)}. The file is whole.`, 'done'); }
  else if (at.state === 'failed') show(`It broke off after ${sum}${at.message ? `: ${at.message}` : ''}. What was saved is not whole; do not use it.`, 'failed');
  else show(`${sum} so far.`, 'running');
  return at.state === 'running';
}

async function follow(name) {
  for (let misses = 0; ; ) {
    await new Promise((done) => setTimeout(done, PAUSE));
    let answer = null;
    try { answer = await fetch(`/api/audit/export/progress/${name}`, { headers: { accept: 'application/json' } }); } catch { /* asked again below */ }
    if (answer?.ok) {
      misses = 0;
      if (!shown(await answer.json())) return;
    } else if ((misses += 1) > MISSES_MAX) {
      show('How far it is cannot be told. Your browser shows whether the file came; compare its number of events with the one above.', 'unknown');
      return;
    }
  }
}

if (form) {
  const field = form.elements.ticket;
  form.addEventListener('submit', () => {
    field.disabled = false;
    field.value = ticket();
    find('#progress').hidden = false;
    find('#bar').removeAttribute('value');
    show('It begins.', 'running');
    follow(field.value);
  });
  const shell = find('#shell');
  const withhold = find('#withhold');
  const choose = () => {
    const format = form.elements.format.value;
    const parts = [...form.querySelectorAll('input[name=redact]:checked')].map((box) => box.value);
    withhold.hidden = format !== 'bundle';
    const ending = form.querySelector('input[name=format]:checked').dataset.ending;
    const redact = format === 'bundle' && parts.length ? ` --redact ${parts.join(',')}` : '';
    // Only the first of each: what follows is the query.
    shell.textContent = shell.dataset.line.replace('FORMAT', format).replace('ENDING', () => `${ending}${redact}`);
  };
  form.addEventListener('change', choose);
  choose();
}
