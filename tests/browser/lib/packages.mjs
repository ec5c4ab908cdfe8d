// The two packages we drive the browser with. They lie outside the checkout, where an `import` does not look.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const modules = process.env.INDELIBLE_NODE_MODULES;
if (!modules) throw new Error('INDELIBLE_NODE_MODULES is not set: run ./test, or see tests/browser/README.md');
const load = createRequire(join(modules, 'node_modules', 'x.js'));

export const { chromium } = load('playwright-core');
export const { AxeBuilder } = load('@axe-core/playwright');
