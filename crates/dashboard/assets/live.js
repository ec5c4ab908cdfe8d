// Shows events as they come: rows that the server made, newest first.
import { localise } from './times.js';

const ROWS_MAX = 500; // In the page; older ones are counted.
const WAITING_MAX = 500; // While paused; older ones are counted.
const RATE_SECONDS = 10;
const SPARK_SECONDS = 60;
const SAY_EVERY = 10_000;
const FRESH = 2_000;
const COMES_AGAIN_MAX = 15_000;

const bar = document.querySelector('#live');
const list = document.querySelector('#live-rows');
if (bar && list) start();

function start() {
  const at = (id) => document.querySelector(`#live-${id}`);
  const [pause, state, rate, spark, count, summary, alarms, end] = ['pause', 'state', 'rate', 'spark', 'count', 'summary', 'alarms', 'end'].map(at);
  const number = new Intl.NumberFormat('en');
  const known = new Set([...list.children].map((row) => row.dataset.href));
  const seconds = new Array(SPARK_SECONDS).fill(0);
  let waiting = []; // Newest last.
  let paused = false, fallen = 0, skipped = 0, total = 0, unsaid = 0;
  let last = '', tries = 0, source = null, ended = false, timer = 0, again = 0;
  bar.hidden = false;

  function show(name, text) {
    if (state.dataset.state === name && state.textContent === text) return;
    state.dataset.state = name;
    state.textContent = text;
  }

  // ---- the stream ---------------------------------------------------------------------------
  function connect() {
    clearTimeout(again);
    source?.close();
    const address = new URL(bar.dataset.stream, location.href);
    if (last) address.searchParams.set('last_event_id', last);
    source = new EventSource(address);
    source.onopen = () => { tries = 0; show('connected', 'Connected'); };
    source.onmessage = (event) => take(event);
    source.addEventListener('dropped', (event) => { note(event); show('reconnecting', 'Too much at once, reconnecting'); });
    source.addEventListener('alarm', alarm);
    source.addEventListener('unshown', (event) => { note(event); skipped += 1; soon(); });
    source.onerror = () => {
      show('reconnecting', 'Reconnecting');
      // A browser comes again by itself unless it was refused.
      if (source.readyState === EventSource.CLOSED) refused();
    };
  }

  async function refused() {
    const me = await fetch('/api/me').catch(() => null);
    if (me && (me.status === 401 || me.status === 403)) return finish('Signed out');
    tries += 1;
    clearTimeout(again);
    if (!ended) again = setTimeout(connect, Math.min(1000 * 2 ** tries, COMES_AGAIN_MAX));
  }

  function finish(text) {
    ended = true;
    source?.close();
    show('ended', text);
  }

  const note = (event) => { if (event.lastEventId) last = event.lastEventId; };

  function take(event) {
    note(event);
    let row;
    try { row = JSON.parse(event.data); } catch { skipped += 1; return; }
    seconds[seconds.length - 1] += 1;
    total += 1;
    unsaid += 1;
    waiting.push(row.html);
    if (waiting.length > 2 * WAITING_MAX) trim();
    soon();
  }

  // Those that would fall off at once are not made rows at all.
  function trim() {
    const over = waiting.length - WAITING_MAX;
    if (over > 0) { waiting.splice(0, over); skipped += over; }
  }

  function alarm(event) {
    note(event);
    const said = document.createElement('p');
    said.className = 'notice bad';
    said.setAttribute('role', 'alert');
    said.textContent = `A record is not what was recorded, and is not shown: ${String(event.data).slice(0, 500)}`;
    if (alarms.childElementCount < 20) alarms.append(said);
  }

  // ---- rows -----------------------------------------------------------------------------------
  function soon() { timer ||= setTimeout(() => { timer = 0; if (!paused) flush(); tell(); }, 50); }

  function flush() {
    trim();
    const batch = waiting;
    waiting = [];
    const piece = document.createElement('template');
    // Rows of ours: the server escaped whatever an event holds.
    piece.innerHTML = batch.reverse().join('');
    for (const row of [...piece.content.children]) {
      if (known.has(row.dataset.href)) { row.remove(); total -= 1; continue; }
      known.add(row.dataset.href);
      row.classList.add('fresh');
      setTimeout(() => row.classList.remove('fresh'), FRESH);
    }
    localise(piece.content);
    const held = scrollY > list.offsetTop ? list.firstElementChild : null;
    const before = held?.getBoundingClientRect().top ?? 0;
    list.prepend(piece.content);
    // Who reads further down keeps their place.
    if (held) scrollBy(0, held.getBoundingClientRect().top - before);
    while (list.childElementCount > ROWS_MAX) {
      const row = list.lastElementChild;
      known.delete(row.dataset.href);
      row.remove();
      fallen += 1;
    }
    document.querySelector('#live-empty')?.remove();
  }

  function tell() {
    const more = Math.min(waiting.length, WAITING_MAX);
    const over = waiting.length - more + (paused ? skipped : 0);
    if (paused) pause.textContent = waiting.length ? `Go on: ${number.format(more + over)} more waiting` : 'Go on';
    count.textContent = paused ? 'Paused' : total ? `${number.format(total)} since this page was opened` : '';
    const gone = [];
    if (fallen) gone.push(`${number.format(fallen)} older rows fell off the end`);
    if (skipped) gone.push(`${number.format(skipped)} came too fast to be shown`);
    end.hidden = gone.length === 0;
    end.textContent = gone.length ? `${gone.join('; ')}. The search has all of them.` : '';
  }

  pause.addEventListener('click', () => {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    if (!paused) { pause.textContent = 'Pause'; flush(); }
    tell();
  });

  // ---- how much ---------------------------------------------------------------------------------
  setInterval(() => {
    const lately = seconds.slice(-RATE_SECONDS).reduce((a, b) => a + b, 0) / RATE_SECONDS;
    rate.textContent = `${lately >= 10 ? number.format(Math.round(lately)) : lately.toFixed(1).replace('.0', '')} a second`;
    draw();
    seconds.push(0);
    seconds.shift();
  }, 1000);

  function draw() {
    const most = Math.max(...seconds, 1);
    const width = 120 / SPARK_SECONDS;
    const path = seconds.map((value, i) => (value ? `M${(i + 0.5) * width} 24v${-Math.max(1.5, (23 * value) / most)}` : '')).join('');
    spark.innerHTML = `<path d="${path}"/>`;
  }

  // Politely, and only that there are some.
  setInterval(() => {
    if (!unsaid) return;
    summary.textContent = paused ? `Paused, ${number.format(waiting.length)} waiting` : `${number.format(unsaid)} new events`;
    unsaid = 0;
  }, SAY_EVERY);

  addEventListener('pagehide', () => source?.close());
  addEventListener('pageshow', (event) => { if (event.persisted && !ended) connect(); });
  connect();
}
