// What keeps people out of a page who see, read or steer otherwise.
import { AxeBuilder } from './packages.mjs';

/** What of weight is wrong with a page as it is now. `name` says what is open in it. */
export async function barriers(page, name) {
  // In the page's own frame: nothing here has others.
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return grave.flatMap(({ id, help, nodes }) => nodes.slice(0, 4).map(({ target, any }) => `${name}: ${id}, ${help}: ${target.join(' ')}${any[0] ? ` (${any[0].message})` : ''}`));
}
