// Turns moments into the viewer's zone; UTC stays on hover. Pages are written in UTC, and right without this.
const named = new Intl.DateTimeFormat(undefined, { timeZoneName: 'short' });
const two = (number) => String(number).padStart(2, '0');
const clock = (at) => `${two(at.getHours())}:${two(at.getMinutes())}`;
const date = (at) => `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
const day = (at) => `${at.getFullYear()}-${date(at)} ${clock(at)}:${two(at.getSeconds())}`;
// One order of year, month and day for all who look: what is read out to somebody elsewhere is found there, too.
// Where there is little room the zone is said once for all.
const FORMS = {
  exact: (at) => `${day(at)} ${zone(at)}`,
  ago: (at) => ago((Date.now() - at) / 1000),
  short: day,
  minute: (at) => `${date(at)} ${clock(at)}`,
  clock: (at) => `${clock(at)}:${two(at.getSeconds())}`,
};
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const UNITS = [['day', 86400], ['hour', 3600], ['minute', 60]];

export function ago(seconds) {
  for (const [unit, length] of UNITS) if (Math.abs(seconds) >= length) return relative.format(-Math.floor(seconds / length), unit);
  return seconds < 0 ? 'in the future' : 'just now';
}

export function localise(root) {
  for (const time of root.querySelectorAll('time[data-time]')) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.textContent = (FORMS[time.dataset.time] ?? FORMS.exact)(at);
  }
}

// The zone's own name, as short as there is one.
export function zone(at = new Date()) {
  return named.formatToParts(at).find((part) => part.type === 'timeZoneName')?.value ?? 'UTC';
}

// How long ago things were goes on while one looks.
setInterval(() => { if (!document.hidden) localise(document); }, 30000);
