// A node of our own: the program under test, in a directory that goes away.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

export const PROGRAM = process.env.INDELIBLE;
if (!PROGRAM) throw new Error('INDELIBLE is not set: the program under test');

const running = new Set();
// A test that dies must not leave its nodes behind.
process.on('exit', () => running.forEach((node) => node.child?.kill('SIGKILL')));

/** Runs the program to its end: what it said. */
export async function run(...args) {
  const { stdout } = await promisify(execFile)(PROGRAM, args, { maxBuffer: 1 << 28 });
  return stdout;
}

export class Node {
  /** A node with a day of made-up events in it. */
  static async demo() {
    const node = await Node.#made();
    await node.#serve(['--demo', '--listen', '127.0.0.1:0']);
    return node;
  }

  /** A node with nothing in it. It can be stopped and started again at the same address. */
  static async empty() {
    const node = await Node.#made();
    await run('init', '--data', node.data, '--origin', 'browser.example.com');
    node.key = JSON.parse(await run('key', 'create', '--role', 'admin', '--name', 'tester', '--json', '--data', node.data)).key;
    await node.start();
    return node;
  }

  static async #made() {
    const node = new Node();
    node.home = await mkdtemp(join(tmpdir(), 'indelible-browser-'));
    node.data = join(node.home, 'data');
    running.add(node);
    return node;
  }

  async start() {
    const at = this.url ? new URL(this.url).host : '127.0.0.1:0';
    await this.#serve(['--listen', at]);
  }

  async #serve(args) {
    this.child = spawn(PROGRAM, ['--data', this.data, '--json', 'serve', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    let said = '';
    this.child.stderr.on('data', (text) => { said += text; });
    const first = await new Promise((resolve, reject) => {
      createInterface(this.child.stdout).once('line', resolve);
      this.ended.then((status) => reject(new Error(`the node ended with ${status}: ${said}`)));
    });
    const { address, key, admin_link: link } = JSON.parse(first);
    Object.assign(this, { url: address, link });
    this.key = key ?? this.key;
  }

  /** Ends it as a supervisor would. */
  async stop() {
    this.child.kill('SIGTERM');
    await this.ended;
  }

  /** Ends it, and throws its directory away. */
  async discard() {
    this.child.kill('SIGKILL');
    await this.ended;
    running.delete(this);
    await rm(this.home, { recursive: true, force: true });
  }

  /** Asks the HTTP API; the answer read as JSON, unless it is something else. */
  async ask(path, { key = this.key, method = 'GET', json } = {}) {
    const headers = { authorization: `Bearer ${key}`, ...(json === undefined ? {} : { 'content-type': 'application/json' }) };
    const answer = await fetch(this.url + path, { method, headers, body: json === undefined ? undefined : JSON.stringify(json), redirect: 'manual' });
    const text = await answer.text();
    const is = answer.headers.get('content-type') ?? '';
    return { status: answer.status, headers: answer.headers, text, json: is.includes('json') && text ? JSON.parse(text) : undefined };
  }

  /** Appends events; all must be kept. The receipts. */
  async append(...events) {
    const answer = await this.ask('/api/audit/logs', { method: 'POST', json: events });
    if (answer.status !== 201) throw new Error(`not kept: ${answer.status} ${answer.text.slice(0, 2000)}`);
    return answer.json.results;
  }

  /** A new key. */
  async made(role, trails) {
    const answer = await this.ask('/api/keys', { method: 'POST', json: { role, name: `${role} of the tests`, ...(trails ? { trails } : {}) } });
    if (answer.status !== 201) throw new Error(`no key: ${answer.status} ${answer.text}`);
    return answer.json.key;
  }

  /** Waits until an event is covered by a signed checkpoint. */
  async published(id) {
    for (const until = Date.now() + 10_000; Date.now() < until;) {
      const answer = await this.ask(`/api/audit/logs/${id}`);
      if (answer.json?.published) return;
      await new Promise((next) => setTimeout(next, 50));
    }
    throw new Error(`event ${id} was not published within 10 s`);
  }
}
