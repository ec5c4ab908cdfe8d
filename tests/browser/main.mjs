// All tests in one process: one browser, one node for most. `node --test tests/browser/main.mjs`
import './first_run.mjs';
import './every_page.mjs';
import './search.mjs';
import './event.mjs';
import './badge.mjs';
import './live.mjs';
import './exports.mjs';
import './watch.mjs';
import './roles.mjs';
import './keyboard.mjs';
import './no_script.mjs';
import './hostile.mjs';
