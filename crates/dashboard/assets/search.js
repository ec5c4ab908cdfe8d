// The search page: what the address says is all there is; this only makes it quicker to change.
import { complete } from './complete.js';
import { check } from './check.js';
import { histogram } from './histogram.js';
import './rows.js';
import { zone } from './times.js';

const find = (selector, root = document) => root.querySelector(selector);

const field = find('#q');
if (field) {
  complete(field);
  check(field, find('#q-wrong'));
}
for (const field of document.querySelectorAll('[data-complete]')) complete(field, field.dataset.complete);

function settle() {
  histogram(find('#histogram'));
  for (const name of document.querySelectorAll('[data-zone]')) name.textContent = zone();
}
settle();
for (const name of ['htmx:after:settle', 'htmx:after:swap']) document.addEventListener(name, settle);
for (const origin of document.querySelectorAll('[data-origin]')) origin.textContent = location.origin;

// ---- what opens ---------------------------------------------------------------------------------
const filters = find('#filters');
if (filters && matchMedia('(max-width: 56rem)').matches) filters.open = false;

const shut = (but) => { for (const drop of document.querySelectorAll('.drop[open]')) if (drop !== but) drop.open = false; };
document.addEventListener('click', (event) => shut(event.target.closest('.drop')));
document.addEventListener('indelible:close', () => {
  const open = find('.drop[open]');
  if (open?.contains(document.activeElement)) find('summary', open).focus();
  shut();
});

// ---- the time, in the viewer's zone ---------------------------------------------------------------
const times = find('#times');
if (times) {
  const two = (number) => String(number).padStart(2, '0');
  const fields = [...times.querySelectorAll('input[type=datetime-local]')];
  for (const field of fields) {
    const at = field.value && new Date(`${field.value}Z`);
    if (at && !Number.isNaN(at.getTime())) {
      field.value = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
    }
  }
  find('#t-zone').textContent = zone();
  times.addEventListener('submit', (event) => {
    event.preventDefault();
    const params = new URLSearchParams(new FormData(times));
    for (const field of fields) {
      const at = field.value && new Date(field.value);
      // To the minute or to the second, as it was said.
      if (at && !Number.isNaN(at.getTime())) params.set(field.name, `${at.toISOString().slice(0, field.value.length)}Z`);
    }
    location.assign(`${times.action.split('?')[0]}?${params}`);
  });
}
