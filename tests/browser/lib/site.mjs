// Every page there is, at addresses that have something to show on a demo's node.
import { until } from './browser.mjs';
import { once } from './world.mjs';

const at = (path, params) => `${path}?${new URLSearchParams(params)}`;

/** Events of the demo that tests look at. */
export const known = (node) => once(`known ${node.url}`, async () => {
  const one = async (q) => {
    const { json } = await node.ask(at('/api/audit/logs', { q, page_size: 1 }));
    if (!json.events.length) throw new Error(`the demo has no event for ${q}`);
    return json.events[0];
  };
  return {
    changed: await one('has:before AND has:after AND has:targets AND -trail:_system'),
    failed: await one('outcome:failure has:targets -trail:_system'),
    linked: await one('correlation:* has:targets actor_type:user -trail:_system'),
  };
});

/** An alert and a rule of the demo, and a review that can be signed or was. */
export const watched = (node) => once(`watched ${node.url}`, async () => {
  const alert = await until('the demo has an alert', async () => (await node.ask('/api/alerts?limit=1')).json.alerts[0]);
  const { json: { reviews } } = await node.ask('/api/reviews');
  return { alert, rule: alert.rule, review: reviews.find(({ state }) => state !== 'running') ?? reviews[0] };
});

export const address = (event) => at(`/events/${event.id}`, { trail: event.trail });

/** Name, path, who may see it (`read`, `audit`, `admin`, `all`), and whether it is an error's page. */
export async function pages(node) {
  const { changed, failed, linked } = await known(node);
  const target = linked.targets[0];
  const { alert, rule, review } = await watched(node);
  return [
    { name: 'search', path: '/', may: 'read' },
    { name: 'search-query', path: at('/', { q: 'outcome:denied,failure' }), may: 'read' },
    { name: 'search-nothing', path: at('/', { q: 'actor:nobody-of-this-name' }), may: 'read' },
    { name: 'search-error', path: at('/', { q: 'action:(a' }), may: 'read' },
    { name: 'event', path: address(changed), may: 'read' },
    { name: 'event-failed', path: address(failed), may: 'read' },
    { name: 'live', path: '/live', may: 'read' },
    { name: 'overview', path: '/overview', may: 'read' },
    { name: 'timeline', path: '/timeline', may: 'read' },
    { name: 'timeline-resource', path: at('/timeline', { resource_type: target.type, resource_id: target.id }), may: 'read' },
    { name: 'timeline-correlation', path: at('/timeline', { correlation_id: linked.context.correlation_id }), may: 'read' },
    { name: 'people', path: '/people', may: 'read' },
    { name: 'person', path: `/people/${encodeURIComponent(linked.actor.id)}`, may: 'read' },
    { name: 'alerts', path: '/alerts', may: 'audit' },
    { name: 'alerts-all', path: '/alerts?state=all', may: 'audit' },
    { name: 'alert', path: `/alerts/${alert.id}`, may: 'audit' },
    { name: 'rules', path: '/rules', may: 'audit' },
    { name: 'rule', path: `/rules/${encodeURIComponent(rule.id)}`, may: 'audit' },
    { name: 'reviews', path: '/reviews', may: 'audit' },
    { name: 'review', path: `/reviews/${review.period}`, may: 'audit' },
    { name: 'export', path: '/export', may: 'audit' },
    { name: 'settings-keys', path: '/settings/keys', may: 'admin' },
    { name: 'settings-new-key', path: '/settings/keys/new', may: 'admin' },
    { name: 'settings-confirm', path: at('/settings/keys/confirm', { name: 'billing', role: 'writer' }), may: 'admin' },
    { name: 'settings-trails', path: '/settings/trails', may: 'admin' },
    { name: 'settings-trail', path: '/settings/trails/backup/public?to=public', may: 'admin' },
    { name: 'settings-retention', path: '/settings/retention', may: 'admin' },
    { name: 'settings-retention-preset', path: at('/settings/retention', { preset: 'gdpr' }), may: 'admin' },
    { name: 'settings-retention-confirm', path: at('/settings/retention/confirm', { rules: 'everything else 90d' }), may: 'admin' },
    { name: 'settings-holds', path: '/settings/holds', may: 'admin' },
    { name: 'settings-erasures', path: '/settings/erasures', may: 'admin' },
    { name: 'settings-requests', path: '/settings/requests', may: 'admin' },
    { name: 'settings-backups', path: '/settings/backups', may: 'admin' },
    { name: 'settings-jobs', path: '/settings/jobs', may: 'admin' },
    { name: 'settings-connections', path: '/settings/connections', may: 'audit' },
    { name: 'settings-node', path: '/settings/node', may: 'admin' },
    { name: 'saved-searches', path: '/settings/searches', may: 'read' },
    { name: 'unfinished', path: '/search/unfinished', may: 'read' },
    { name: 'api', path: '/api/docs', may: 'all' },
    { name: 'not-found', path: '/events/00000000-0000-7000-8000-000000000000', may: 'read', status: 404 },
  ];
}
