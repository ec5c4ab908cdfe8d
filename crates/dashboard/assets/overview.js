// What the overview and the reports do more with scripts: a choice acts at once, and a page is printed.
for (const choice of document.querySelectorAll('select[data-submit]')) {
  choice.addEventListener('change', () => choice.form.requestSubmit());
  const button = choice.form.querySelector('button');
  if (button) button.hidden = true;
}

for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false;
  button.addEventListener('click', () => print());
}
// What is folded is not printed otherwise; tables behind charts stay folded.
addEventListener('beforeprint', () => { for (const fold of document.querySelectorAll('.report details.fold')) fold.open = true; });
