/** The parts of the page, each drawn from what the worker has told. */
import { each, el, id, say, show } from './dom.js';
import { clock, draw, hour } from './plot.js';
import { foreign, many, n, short, time } from './words.js';

const MOST_PARTITIONS = 64;

function pill(kind, text) {
  return el('li', { class: `pill ${kind}` }, text);
}

export function header(s) {
  say(id('topic'), 'topic ', foreign(s.topic));
  const { checks, live, ready, dead, stopping } = s.health;
  const names = { postgres: 'Postgres', schema: 'Schema', kafka: 'Kafka', group: 'Group' };
  const pills = Object.entries(checks).map(([check, words]) => ({ good: words === 'ok', text: `${names[check]} ${words}` }));
  if (!live) pills.unshift({ good: false, text: `Not live: ${dead}` });
  else if (stopping) pills.unshift({ good: false, text: 'Stopping' });
  each(
    id('health'),
    pills,
    p => p.text,
    p => pill(p.good ? 'good' : 'bad', `${p.good ? '✓' : '!'} ${p.text}`),
  );
  say(
    id('spoken'),
    ready
      ? 'The worker is ready.'
      : `The worker is not ready: ${pills
          .filter(p => !p.good)
          .map(p => p.text)
          .join(', ')}.`,
  );
  document.title = `${ready ? '' : '! '}${s.lag ? `${short(s.lag)} waiting · ` : ''}glossier`;
}

export function freshness(s) {
  const { facts } = s;
  if (s.until !== null) say(id('fresh'), 'The tables hold everything published until ', time(s.until, true));
  else if (s.looked_at !== null) say(id('fresh'), `The tables are behind by ${many(s.lag, 'message')}`);
  else say(id('fresh'), 'The topic has not been looked at yet');
  const parts = [];
  if (s.looked_at !== null && s.now - s.looked_at > 15_000) parts.push('The topic was last looked at ', time(s.looked_at, true), '. ');
  if (s.until !== null)
    parts.push(s.lag === 0 ? 'Nothing waits. ' : `${many(s.lag, 'message')} behind that ${s.lag === 1 ? 'waits' : 'wait'}. `);
  else if (s.looked_at !== null) parts.push('From when on is known once the worker has come to where the topic ended at its start. ');
  if (facts !== null) {
    if (facts.staging === 0) parts.push('user_stats covers all of it.');
    else parts.push(`user_stats lacks ${many(facts.staging, 'staged row')} until the next merge`);
    if (facts.staging > 0 && facts.mergedAt !== null) parts.push('; the last was at ', time(facts.mergedAt, true));
    if (facts.staging > 0) parts.push('.');
  }
  say(id('fresh-more'), ...parts);
}

export function tiles(s) {
  const t = s.totals;
  const items = [
    { name: 'orders loaded', value: t?.loaded, more: t && `with ${many(t.line_items, 'line item')}` },
    { name: 'bypassed', value: t?.bypassed, more: 'their ids were loaded before' },
    {
      name: 'rejected',
      value: t?.rejected,
      more: t?.rejected > 0 ? 'kept, each with its reason' : 'nothing was refused',
      kind: t?.rejected > 0 ? 'warn' : '',
    },
    { name: 'waiting', value: s.lag ?? undefined, more: 'on the topic and not in the tables' },
  ];
  each(
    id('tiles'),
    items,
    i => i.name,
    i =>
      el(
        'div',
        { class: `tile ${i.kind ?? ''}` },
        el('dt', {}, i.name),
        el('dd', {}, i.value === undefined ? '–' : short(i.value)),
        el('dd', { class: 'aside' }, i.more ?? ''),
      ),
  );
}

export function rates(s) {
  if (s.rates === null) {
    say(id('rate-words'), 'not known while Postgres does not answer');
    return;
  }
  const bars = hour(s.rates.minutes, s.now);
  const total = bars.reduce((sum, b) => sum + b.messages, 0);
  const most = bars.reduce((best, b) => (b.messages > best.messages ? b : best));
  const words =
    total === 0
      ? 'none in the last hour'
      : `${n(total)} in the last hour, at most ${n(most.messages)} in the minute of ${clock(most.second)}`;
  say(id('rate-words'), words + (s.rates.since === null ? '' : `; counted from ${clock(s.rates.since)} on`));
  draw(bars, `Orders loaded by minute: ${words}`);
  const rows = bars.filter(b => b.messages > 0).reverse();
  each(
    id('minutes'),
    rows.length > 0 ? rows : [{ second: 0, messages: 0 }],
    b => b.second,
    b => el('tr', {}, el('td', {}, b.second === 0 ? 'the whole hour' : clock(b.second)), el('td', { class: 'n' }, n(b.messages))),
  );
}

export function rebuild(s) {
  const r = s.facts?.rebuild ?? null;
  show(id('rebuild'), r !== null);
  if (r === null) return;
  const share = r.of > 0 ? Math.min(1, r.done / r.of) : 0;
  const unit = r.unit === 'tables' ? 'table' : 'message';
  const far = r.step === null ? 'It has just begun' : `${r.step}: ${n(r.done)} of ${many(r.of, unit)}, ${Math.floor(share * 100)} %`;
  const left = r.seconds_left === null ? '' : `, ${n(Math.ceil(r.seconds_left))} s left`;
  if (r.state === 'running')
    say(id('rebuild-words'), `${far}${left}. Readers see the tables as they were until all of it is applied at once.`);
  else say(id('rebuild-words'), `A rebuild was abandoned (${far}); the next one sweeps what it left. The tables are not touched by it.`);
  id('rebuild-bar').value = share;
}

/** What became of a drop, in two words, and how good that is. */
function stateOf(d) {
  if (d.state === 'other') return ['', 'no drop'];
  if (d.whole) return ['good', '✓ whole'];
  if (d.state === 'publishing') return ['busy', '… publishing'];
  return ['warn', '… loading'];
}

/** A cell of a table that becomes a card on a narrow screen: its label stands in the page's style, its value here. */
function cell(label, content, kind = '') {
  return el('td', { role: 'cell', 'data-label': label, class: kind }, content);
}

function dropRow(d) {
  const [kind, words] = stateOf(d);
  const accounted = d.loaded + d.bypassed + d.rejected;
  const files = many(d.files, 'file') + (d.broken_files > 0 ? `, ${d.broken_files} broken` : '');
  const name = el(
    'th',
    { role: 'rowheader', scope: 'row', class: 'name' },
    foreign(d.name),
    el('span', { class: 'aside' }, d.drop === '' ? files : [el('code', {}, d.drop.slice(0, 24)), ` · ${files}`]),
  );
  return el(
    'tr',
    { role: 'row' },
    name,
    cell('state', el('span', { class: `pill ${kind}` }, words), 'state'),
    cell('published', d.started_at === null ? '–' : time(d.finished_at ?? d.started_at)),
    cell('orders', d.published === null ? '–' : n(d.published), 'n'),
    cell('loaded', n(d.loaded), 'n'),
    cell('bypassed', n(d.bypassed), 'n'),
    cell('rejected', n(d.rejected), d.rejected > 0 ? 'n warn' : 'n'),
    cell('waiting', d.published === null ? '–' : n(Math.max(0, d.published - accounted)), 'n'),
  );
}

/** @param list what was asked for @param all true where that was not only those that are not whole */
export function drops(list, of, open, all) {
  each(id('drops'), list, d => d.drop, dropRow);
  show(id('drops-table'), list.length > 0);
  show(id('drops-none'), list.length === 0);
  say(
    id('drops-none'),
    all ? 'No drop has been published yet. ' : 'Every drop is whole.',
    all ? el('code', {}, 'glossier produce <drop>') : '',
  );
  show(id('drops-more'), list.length < of);
  say(id('drops-more'), `Older drops (${n(of - list.length)} more)`);
  say(id('drops-open'), `Not whole (${n(open)})`);
}

/** @param look shows one reject */
export function rejects(s, look) {
  const groups = s.facts?.rejects ?? [];
  show(id('rejects-table'), groups.length > 0);
  show(id('rejects-none'), s.facts !== null && groups.length === 0);
  show(id('rejects-cut'), s.facts?.rejectsCut === true);
  each(
    id('rejects'),
    groups,
    g => `${g.kind} ${g.code} ${g.path}`,
    g => {
      const button = el(
        'button',
        { type: 'button' },
        'Look',
        el('span', { class: 'unseen' }, ` at a reject for ${g.code} at `, foreign(g.path)),
      );
      button.addEventListener('click', () => look(g.id));
      const where = g.path === '' ? (g.kind === 'file' ? 'a file' : 'the whole order') : ['at ', foreign(g.path)];
      return el(
        'tr',
        {},
        el('th', { scope: 'row', class: 'name' }, el('code', {}, g.code), el('span', { class: 'aside' }, where)),
        el('td', { class: 'n' }, n(g.count)),
        el('td', { class: 'act' }, button),
      );
    },
  );
}

export function partitions(s) {
  const all = s.partitions;
  const chosen =
    all.length <= MOST_PARTITIONS ? all : [...all].sort((a, b) => b.lag - a.lag || a.partition - b.partition).slice(0, MOST_PARTITIONS);
  show(id('partitions-table'), all.length > 0);
  show(id('partitions-none'), all.length === 0);
  show(id('partitions-cut'), chosen.length < all.length);
  say(id('partitions-cut'), `Those of ${n(all.length)} that lag most.`);
  each(
    id('partitions'),
    chosen,
    p => p.partition,
    p =>
      el(
        'tr',
        {},
        el('th', { scope: 'row', class: 'n' }, n(p.partition)),
        el('td', { class: 'n' }, n(p.position)),
        el('td', { class: 'n' }, n(p.end)),
        el('td', { class: p.lag > 0 ? 'n warn' : 'n' }, n(p.lag)),
        el('td', {}, p.mine ? 'this worker' : 'another'),
      ),
  );
}

export function footer(s) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  say(
    id('foot'),
    `glossier ${s.version} · worker ${s.worker ?? '–'} · group `,
    foreign(s.group),
    ' · schema ',
    foreign(s.schema),
    ` · times of ${zone}`,
  );
}
