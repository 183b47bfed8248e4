/** Asks the worker every few seconds while somebody looks, and hands what it tells to the parts of the page. */
import { ask, keepToken, onRefused } from './ask.js';
import { id, say, show } from './dom.js';
import { look } from './reject.js';
import * as sections from './sections.js';
import { time } from './words.js';

const EVERY = 3000;
const PAGE = 25;
const MOST = 100;

let shown = PAGE;
let all = true;
let answered = null;
let asking = null;
let last = null;

function needToken(wrong) {
  show(id('figures'), false);
  const first = id('token').hidden;
  show(id('token'), true);
  if (wrong) say(id('token-wrong'), 'That is not the token.');
  if (first || wrong) id('token-value').focus();
}

async function dropsShown() {
  const list = [];
  let head = null;
  for (let from = 0; from < shown; from += MOST) {
    const part = await ask(`drops.json?show=${all ? 'all' : 'open'}&from=${from}&count=${Math.min(MOST, shown - from)}`);
    if (part === null) return null;
    head ??= part;
    list.push(...part.drops);
    if (list.length >= part.of) break;
  }
  return head === null ? null : { ...head, drops: list };
}

function draw(s, drops) {
  last = s;
  sections.header(s);
  sections.freshness(s);
  sections.tiles(s);
  show(id('figures'), true); // before the plot is drawn, which asks how wide it is
  sections.rates(s);
  sections.rebuild(s);
  if (drops !== null) sections.drops(drops.drops, drops.of, drops.open, all);
  sections.rejects(s, look);
  sections.partitions(s);
  sections.footer(s);
}

async function refresh() {
  const s = await ask('status.json');
  const drops = s === null ? null : await dropsShown();
  if (!id('token').hidden && s === null) return;
  show(id('token'), false);
  if (s !== null) {
    answered = Date.now();
    draw(s, drops);
  }
  const away =
    s === null
      ? ['The worker does not answer', ...(answered === null ? [''] : [' since ', time(answered, true)]), '. Trying again…']
      : null;
  const half =
    s !== null && drops === null ? ['Postgres does not answer, or takes too long: what only it knows is as it was, or missing.'] : null;
  show(id('notice'), away !== null || half !== null);
  say(id('notice'), ...(away ?? half ?? ['']));
  document.body.classList.toggle('stale', away !== null);
}

/** One round at a time; a hidden page asks nothing. */
function round() {
  asking ??= refresh().finally(() => {
    asking = null;
  });
  return asking;
}

id('token').addEventListener('submit', async event => {
  event.preventDefault();
  keepToken(id('token-value').value.trim());
  id('token-value').value = '';
  say(id('token-wrong'), '');
  await asking;
  await round();
  if (id('token').hidden) id('main').focus();
});

function choose(every) {
  all = every;
  shown = PAGE;
  id('drops-all').setAttribute('aria-pressed', String(all));
  id('drops-open').setAttribute('aria-pressed', String(!all));
  again();
}

async function again() {
  await asking;
  await round();
}

id('drops-all').addEventListener('click', () => choose(true));
id('drops-open').addEventListener('click', () => choose(false));
id('drops-more').addEventListener('click', () => {
  shown += MOST;
  again();
});
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && round());
new ResizeObserver(() => last !== null && sections.rates(last)).observe(id('plot'));

onRefused(needToken);
round();
setInterval(() => document.visibilityState === 'visible' && round(), EVERY);
