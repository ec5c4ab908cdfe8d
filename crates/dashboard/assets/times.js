// Turns moments into the viewer's zone; UTC stays on hover. Pages are written in UTC, and right without this.
const exact = new Intl.DateTimeFormat(undefined, {
  year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZoneName: 'short',
});
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
    time.textContent = time.dataset.time === 'ago' ? ago((Date.now() - at) / 1000) : exact.format(at);
  }
}

// How long ago things were goes on while one looks.
setInterval(() => { if (!document.hidden) localise(document); }, 30000);
