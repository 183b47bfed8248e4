/** The last hour as bars, one a minute. */
import { id, svg } from './dom.js';
import { n } from './words.js';

const MINUTES = 60;
const HEIGHT = 190;
const LEFT = 56;
const BOTTOM = 24;
const TOP = 10;

/** Every minute of the hour up to `now`, with what was loaded in it. @param minutes [second, messages] */
export function hour(minutes, now) {
  const known = new Map(minutes);
  const last = Math.floor(now / 60_000) * 60;
  return Array.from({ length: MINUTES }, (_, i) => {
    const second = last - (MINUTES - 1 - i) * 60;
    return { second, messages: known.get(second) ?? 0 };
  });
}

/** A round number at or above, and into how many steps it is cut. */
function scale(greatest) {
  const size = 10 ** Math.floor(Math.log10(Math.max(4, greatest)));
  const top = [1, 2, 4, 5, 8, 10].map(f => f * size).find(t => t >= greatest) ?? 10 * size;
  return { top: Math.max(4, top), steps: 4 };
}

let drawn = '';

/** @param bars of hour() */
export function draw(bars, words) {
  const width = Math.max(260, Math.round(id('plot').clientWidth));
  const key = JSON.stringify([width, bars, words]);
  if (key === drawn) return;
  drawn = key;
  const { top, steps } = scale(Math.max(...bars.map(b => b.messages)));
  const step = (width - LEFT - 4) / MINUTES;
  const y = value => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const picture = svg('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: 'img', 'aria-label': words });
  for (let i = 0; i <= steps; i++) {
    const value = (top * i) / steps;
    picture.append(
      svg('line', { class: i === 0 ? 'axis' : 'grid', x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
      svg('text', { class: 'tick', x: LEFT - 8, y: y(value) + 4, 'text-anchor': 'end' }, brief(value)),
    );
  }
  bars.forEach(({ second, messages }, i) => {
    const x = LEFT + i * step;
    const at = clock(second);
    if (new Date(second * 1000).getMinutes() % 15 === 0 && x < width - 24)
      picture.append(svg('text', { class: 'tick', x: x + step / 2, y: HEIGHT - 6, 'text-anchor': 'middle' }, at));
    const bar = svg('g', { class: i === MINUTES - 1 ? 'bar now' : 'bar' });
    bar.append(
      svg('title', {}, `${at}: ${n(messages)}`),
      svg('rect', { class: 'hit', x, y: TOP, width: step, height: HEIGHT - TOP - BOTTOM }),
    );
    if (messages > 0) {
      const height = Math.max(2, y(0) - y(messages));
      bar.append(
        svg('rect', { class: 'full', x: x + step * 0.12, y: y(0) - height, width: step * 0.76, height, rx: Math.min(2, step / 5) }),
      );
    }
    picture.append(bar);
  });
  id('plot').replaceChildren(picture);
}

export function clock(second) {
  return new Date(second * 1000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

function brief(value) {
  return value.toLocaleString('en-US', value < 10_000 ? {} : { notation: 'compact', maximumFractionDigits: 1 });
}
