/** What README.md, the dashboard and the alert rules say of metrics is what the program has; the page keeps to its own rules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parser } from '@prometheus-io/lezer-promql';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { parse } from 'yaml';
import { METRICS, type MetricDeclaration } from '../../consumer/http/metric-list.js';
import { Metrics } from '../../consumer/http/metrics.js';
import { markdown, tableOf } from './readme-tables.js';
import { allFiles, read } from './sources.js';

const OURS: MetricDeclaration[] = Object.values(METRICS);

/** Names as a query may write them, with their labels. */
async function series(): Promise<Map<string, readonly string[]>> {
  const known = new Map<string, readonly string[]>();
  for (const { name, kind, labels = [] } of OURS)
    for (const end of kind === 'histogram' ? ['_bucket', '_sum', '_count'] : [''])
      known.set(name + end, end === '_bucket' ? [...labels, 'le'] : labels);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const line of (await registry.metrics()).split('\n')) {
    const m = /^(\w+)(?:\{(.*)\})? /.exec(line);
    if (m)
      known.set(
        m[1],
        [...(m[2] ?? '').matchAll(/(\w+)="/g)].map(l => l[1]),
      );
  }
  return known;
}

interface Query {
  where: string;
  expr: string;
}

function queries(): Query[] {
  const rules = parse(read('consumer/monitoring/prometheus-alerts.yml')) as { groups: { rules: { alert: string; expr: string }[] }[] };
  const dashboard = JSON.parse(read('consumer/monitoring/grafana-dashboard.json')) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  return [
    ...rules.groups.flatMap(g => g.rules.map(r => ({ where: `alert ${r.alert}`, expr: r.expr }))),
    ...dashboard.panels.flatMap(p =>
      p.targets.map(t => ({ where: `panel ${p.title}`, expr: t.expr.replaceAll('$__rate_interval', '5m') })),
    ),
  ];
}

/** Text of every node of one of these kinds. */
function texts(expr: string, ...kinds: string[]): string[] {
  const found: string[] = [];
  parser.parse(expr).iterate({
    enter(node) {
      if (kinds.includes(node.name)) found.push(expr.slice(node.from, node.to));
    },
  });
  return found;
}

test("README's metrics are the program's", () => {
  const want = OURS.map(m => [`\`${m.name}\``, m.kind, (m.labels ?? []).map(l => `\`${l}\``).join(' '), m.help]);
  assert.deepEqual(tableOf('metrics'), want, `the table should be:\n${markdown(['metric', 'kind', 'labels', 'means'], want)}\n`);
});

test('every query of the dashboard and of the alert rules is PromQL over metrics and labels that there are', async () => {
  const known = await series();
  const faults: string[] = [];
  for (const { where, expr } of queries()) {
    if (texts(expr, '⚠').length > 0 || expr.trim() === '') faults.push(`${where}: not PromQL: ${expr}`);
    const names = texts(expr, 'Identifier').filter(name => /_/.test(name));
    if (names.length === 0) faults.push(`${where}: no metric`);
    const labels = new Set(['job', 'instance', ...names.flatMap(name => known.get(name) ?? [])]);
    for (const name of names) if (!known.has(name)) faults.push(`${where}: ${name} is no metric`);
    for (const label of texts(expr, 'LabelName')) if (!labels.has(label)) faults.push(`${where}: ${label} is no label of it`);
  }
  assert.deepEqual(faults, []);
});

test('every metric of the program is looked at by the dashboard or an alert rule', () => {
  const used = new Set(queries().flatMap(q => texts(q.expr, 'Identifier')));
  const unused = OURS.filter(m => ![m.name, `${m.name}_bucket`, `${m.name}_count`].some(n => used.has(n))).map(m => m.name);
  assert.deepEqual(unused, []);
});

test('metric names keep to the conventions of Prometheus', () => {
  const faults = OURS.filter(
    m =>
      !/^glossier_[a-z]+(_[a-z]+)*$/.test(m.name) ||
      (m.kind === 'counter') !== m.name.endsWith('_total') ||
      (m.kind === 'histogram' && !m.name.endsWith('_seconds')),
  );
  assert.deepEqual(faults, []);
});

test('metrics that nobody knows yet are missing rather than 0', async () => {
  const checks = { postgres: 'does not answer', schema: 'unknown', kafka: 'does not answer', group: 'not joined' };
  const text = await new Metrics().text('1.2.3', null, { live: true, ready: false, dead: null, checks }, null);
  for (const name of [
    'glossier_freshness_timestamp_seconds',
    'glossier_staging_rows',
    'glossier_rebuild_running',
    'glossier_breaker_ratio',
  ])
    assert.doesNotMatch(text, new RegExp(`^${name}[ {]`, 'm'));
  assert.match(text, /^glossier_service_up\{service="postgres"\} 0$/m);
  assert.match(text, /^glossier_orders_total\{outcome="loaded"\} 0$/m);
  assert.match(text, /^process_resident_memory_bytes \d+$/m);
});

test('the page has nothing inline, nothing from elsewhere and nothing that parses markup, in small files', () => {
  const files = allFiles().filter(f => f.startsWith('consumer/http/page/'));
  assert.ok(files.length > 5);
  const faults: string[] = [];
  for (const file of files) {
    const text = read(file);
    if (text.split('\n').length - 1 > 300) faults.push(`${file}: more than 300 lines`);
    const bad = file.endsWith('.html')
      ? /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:|\/\/\w/g
      : /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|setHTML|createContextualFragment|\beval\(|new Function|@import|\burl\(|https?:(?!\/\/www\.w3\.org\/2000\/svg)/g;
    for (const m of text.matchAll(bad)) faults.push(`${file}: ${m[0]}`);
  }
  assert.deepEqual(faults, []);
});
