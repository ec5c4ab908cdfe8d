// What is downloaded opens in the programs that read such files, with every event in it that was asked for.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { visiting, open } from './lib/browser.mjs';
import { PROGRAM } from './lib/node.mjs';
import { demo, hostile } from './lib/world.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const PYTHON = process.env.INDELIBLE_PYTHON ?? 'python3';
const exec = promisify(execFile);

/** What Python, DuckDB and their like find in a file. */
async function read(kind, file) {
  const { stdout } = await exec(PYTHON, [join(here, 'read_export.py'), kind, file], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout);
}

/** The ids of all events that match, as the API tells them. */
async function matching(node, q) {
  const ids = [];
  for (let cursor = ''; cursor !== null;) {
    const { json } = await node.ask(`/api/audit/logs?${new URLSearchParams({ q, page_size: 1000, ...(cursor && { cursor }) })}`);
    ids.push(...json.events.map(({ id }) => id));
    cursor = json.next_cursor;
  }
  return ids.sort();
}

/** Fills in the page's form, presses its button, and keeps what comes in `folder`. */
async function download(page, folder, format, q) {
  await open(page, `/export?${new URLSearchParams({ q })}`);
  await page.locator(`input[name=format][value=${format}]`).check();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /export|download/i }).click()]);
  const to = join(folder, file.suggestedFilename());
  await file.saveAs(to);
  return to;
}

const EXTENSIONS = { csv: /\.csv$/, ndjson: /\.ndjson$/, ocsf: /\.ocsf\.ndjson$/, cef: /\.cef$/, cloudevents: /\.cloudevents\.ndjson$/, parquet: /\.parquet$/, bundle: /\.zip$/ };

async function downloads(node, q, formats, each) {
  const folder = await mkdtemp(join(tmpdir(), 'indelible-exports-'));
  try {
    await visiting(node, { key: node.key }, async (page) => {
      for (const format of formats) {
        const file = await download(page, folder, format, q);
        assert.match(file, EXTENSIONS[format]);
        await each(format, file, folder);
      }
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('CSV, NDJSON, OCSF, CEF, CloudEvents and Parquet hold what was asked for, to those who read such files', async () => {
  const node = await demo();
  const q = 'action:backup.*';
  const ids = await matching(node, q);
  assert.ok(ids.length > 50);
  await downloads(node, q, ['csv', 'ndjson', 'ocsf', 'cef', 'cloudevents', 'parquet'], async (format, file) => {
    const found = await read(format, file);
    assert.deepEqual(found.ids, ids, format);
  });
});

test('no cell of a spreadsheet runs, whatever is in the events, and nothing is lost', async () => {
  const node = await hostile();
  const q = 'action:hostile.*';
  const ids = await matching(node, q);
  await downloads(node, q, ['csv', 'ndjson', 'ocsf', 'cef', 'cloudevents', 'parquet'], async (format, file) => {
    const found = await read(format, file);
    assert.deepEqual(found.ids, ids, format);
  });
});

test('a bundle is verified by our program and by its own script, and neither takes an altered one', async () => {
  const node = await demo();
  const q = 'action:backup.delete';
  const { json } = await node.ask('/api/trails');
  const keys = json.trails.filter(({ size }) => size).flatMap(({ vkey }) => ['--vkey', vkey]);
  await downloads(node, q, ['bundle'], async (_, file, folder) => {
    await exec('unzip', ['-q', '-d', join(folder, 'bundle'), file]).catch(() => exec(PYTHON, ['-m', 'zipfile', '-e', file, join(folder, 'bundle')]));
    const script = join(folder, 'bundle', 'verify.py');
    const good = [[PROGRAM, ['verify', 'bundle', file, ...keys]], [PYTHON, [script, file, ...keys]]];
    for (const [program, args] of good) await exec(program, args);
    const other = join(folder, 'altered.zip');
    const alter = 'import sys, zipfile\nold, new = map(zipfile.ZipFile, sys.argv[1:], "rw")\nfor name in old.namelist():\n  body = old.read(name)\n  new.writestr(name, body.replace(b"success", b"failure", 1) if name == "events.ndjson" else body)\nnew.close()';
    await exec(PYTHON, ['-c', alter, file, other]);
    for (const [program, args] of good) {
      await assert.rejects(exec(program, args.map((arg) => (arg === file ? other : arg))), `${program} takes an altered bundle`);
    }
    await writeFile(other, 'no bundle');
    for (const [program, args] of good) await assert.rejects(exec(program, args.map((arg) => (arg === file ? other : arg))));
  });
});
