// A brush over the histogram: drag, or arrows to move, Shift and arrows to widen, Enter to apply. Without this each
// bar is a link to its own time.
const DAY = 86400;
const iso = (seconds) => new Date(seconds * 1000).toISOString();
const local = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

// As the server writes a stretch of time: both ends included.
function stretch(from, until) {
  if (from % DAY === 0 && until % DAY === 0) {
    const [a, b] = [iso(from).slice(0, 10), iso(until - 1).slice(0, 10)];
    return a === b ? a : `${a}..${b}`;
  }
  return `${iso(from).slice(0, 19)}Z..${iso(until - 1).slice(0, 19)}Z`;
}

export function histogram(figure) {
  if (!figure || figure.dataset.ready) return;
  figure.dataset.ready = '1';
  const svg = figure.querySelector('svg');
  const brush = figure.querySelector('.brush');
  const said = figure.querySelector('#brush-said');
  const [from, step, count] = ['from', 'step', 'buckets'].map((name) => Number(figure.dataset[name]));
  const wide = svg.viewBox.baseVal.width / count;
  let chosen = null;
  let pressed = null;
  let dragged = false;

  for (const bar of svg.querySelectorAll('a')) bar.setAttribute('tabindex', '-1');
  svg.setAttribute('tabindex', '0');
  svg.setAttribute('aria-label', 'Events over time. Arrows choose a time, Shift and arrows widen it, Enter searches it.');

  const clamp = (at) => Math.max(0, Math.min(count - 1, at));
  function show(next) {
    chosen = next;
    const [a, b] = next ? [Math.min(next.a, next.b), Math.max(next.a, next.b)] : [0, -1];
    brush.setAttribute('x', a * wide);
    brush.setAttribute('width', (b - a + 1) * wide);
    said.textContent = next ? `${local.format((from + a * step) * 1000)} to ${local.format((from + (b + 1) * step) * 1000)}` : '';
  }
  function apply() {
    if (!chosen) return;
    const [a, b] = [Math.min(chosen.a, chosen.b), Math.max(chosen.a, chosen.b)];
    const address = new URL(location.href);
    address.pathname = '/';
    address.searchParams.set('t', stretch(from + a * step, from + (b + 1) * step));
    if (figure.dataset.by) address.searchParams.set('by', figure.dataset.by);
    for (const name of ['cursor', 'summary']) address.searchParams.delete(name);
    location.assign(address);
  }
  function bucket(event) {
    const box = svg.getBoundingClientRect();
    return clamp(Math.floor(((event.clientX - box.left) / box.width) * count));
  }

  svg.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    pressed = { at: bucket(event), x: event.clientX };
    dragged = false;
  });
  svg.addEventListener('dragstart', (event) => event.preventDefault());
  svg.addEventListener('pointermove', (event) => {
    if (!pressed) return;
    if (!dragged && Math.abs(event.clientX - pressed.x) > 4) {
      dragged = true;
      svg.setPointerCapture(event.pointerId);
    }
    if (dragged) show({ a: pressed.at, b: bucket(event) });
  });
  svg.addEventListener('pointerup', () => {
    if (dragged) apply();
    pressed = null;
  });
  svg.addEventListener('pointercancel', () => { pressed = null; show(null); });
  // The end of a drag is no click on a bar.
  svg.addEventListener('click', (event) => { if (dragged) { event.preventDefault(); dragged = false; } }, true);

  svg.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) {
      event.preventDefault();
      if (!chosen) show({ a: count - 1, b: count - 1 });
      else if (event.shiftKey) show({ a: chosen.a, b: clamp(chosen.b + by) });
      else if (clamp(chosen.a + by) === chosen.a + by && clamp(chosen.b + by) === chosen.b + by) show({ a: chosen.a + by, b: chosen.b + by });
    } else if (event.key === 'Enter' && event.target === svg) {
      event.preventDefault();
      apply();
    } else if (event.key === 'Escape' && chosen) {
      event.preventDefault();
      show(null);
    }
  });
}
