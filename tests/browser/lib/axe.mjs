// What keeps people out of a page who see, read or steer otherwise.
import { AxeBuilder } from './packages.mjs';

// What depends on the theme. The rest was looked at in the light one, and is the same document.
const COLOURS = ['color-contrast', 'link-in-text-block'];

/** What of weight is wrong with a page as it is now, or with a part of it. `name` says what is open in it. */
export async function barriers(page, name, { within, theme = 'light' } = {}) {
  // In the page's own frame: nothing here has others.
  const axe = new AxeBuilder({ page }).setLegacyMode(true);
  if (theme === 'dark') axe.withRules(COLOURS);
  if (within) axe.include(within);
  // Rows are alike, and looking at each takes seconds.
  else axe.exclude('.rows > li:nth-child(n+6)').exclude('tbody > tr:nth-child(n+12)');
  const { violations } = await axe.analyze();
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return grave.flatMap(({ id, help, nodes }) => nodes.slice(0, 4).map(({ target, any }) => `${name}: ${id}, ${help}: ${target.join(' ')}${any[0] ? ` (${any[0].message})` : ''}`));
}
