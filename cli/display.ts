/** Progress for people: one bar at a terminal, a plain line now and then in a pipe; both on standard error. */
import { Writable } from 'node:stream';
import cliProgress from 'cli-progress';
import { grouped } from '../shared/number-text.js';

/** Milliseconds between two plain lines. */
const PLAIN_EVERY = 5000;
/** Milliseconds between two updates of the bar. */
const BAR_EVERY = 100;

export interface Step {
  /** What is done, in one word: `Publishing`. */
  title: string;
  total: number;
  /** What is counted: `orders`, `MB`. */
  unit: string;
}

interface Running {
  step: Step;
  done: number;
  startedAt: number;
  /** When all of it was done; null while it is not. */
  endedAt: number | null;
  shownAt: number;
  bar: cliProgress.SingleBar | null;
}

export class Display {
  readonly #terminal = process.stderr.isTTY === true;
  #bars: cliProgress.MultiBar | null = null;
  readonly #steps = new Map<string, Running>();

  /** Where log lines go, so that they do not cut a bar in two. */
  readonly logStream = new Writable({
    write: (chunk: Buffer, _encoding, callback) => {
      this.#write(chunk.toString());
      callback();
    },
  });

  /** A line about what happens now. */
  line(text: string): void {
    this.#write(`${text}\n`);
  }

  /** Begins a step, or moves it on; several may be under way. */
  progress(step: Step, done: number): void {
    let running = this.#steps.get(step.title);
    const now = Date.now();
    if (running === undefined) {
      running = { step, done, startedAt: now, endedAt: null, shownAt: this.#terminal ? 0 : now, bar: null };
      this.#steps.set(step.title, running);
      if (this.#terminal) running.bar = this.#openBars().create(Math.max(step.total, 1), 0, payload(running));
    }
    if (done !== running.done) running.endedAt = null;
    running.step = step;
    running.done = done;
    settle(running, now);
    if (now - running.shownAt < (this.#terminal ? BAR_EVERY : PLAIN_EVERY)) return;
    running.shownAt = now;
    show(running);
  }

  /** A step is known to be over, whatever was last heard of it. */
  complete(title: string): void {
    const running = this.#steps.get(title);
    if (running === undefined || running.done === running.step.total) return;
    running.done = running.step.total;
    settle(running, Date.now());
    show(running);
  }

  /** Ends the steps; their bars stay as they are. */
  finish(): void {
    if (this.#bars !== null) {
      for (const running of this.#steps.values()) show(running);
      this.#bars.stop();
    }
    this.#bars = null;
    this.#steps.clear();
  }

  end(): void {
    this.finish();
  }

  #openBars(): cliProgress.MultiBar {
    this.#bars ??= new cliProgress.MultiBar({
      stream: process.stderr,
      format: '{title} [{bar}] {percentage}% | {done}/{all} {unit} | {rate} | {left}',
      barsize: (process.stderr.columns ?? 80) < 100 ? 12 : 24,
      hideCursor: true,
      clearOnComplete: false,
      linewrap: false,
      gracefulExit: false,
      forceRedraw: true, // a line that is written pushes the bars down, those too that have not changed
      autopadding: true,
      barCompleteChar: '#',
      barIncompleteChar: '-',
    });
    return this.#bars;
  }

  #write(text: string): void {
    // in place of the bars, which come back below; they switch the wrapping of lines off, and what is wider than the terminal lost its
    // end: the name of a drop, a hint
    if (this.#bars !== null) this.#bars.log(`\x1b[J\x1b[?7h${text.replace(/\n$/, '')}\x1b[?7l\n`);
    else process.stderr.write(text);
  }
}

function show(running: Running): void {
  const { step, done, bar } = running;
  if (bar !== null) {
    bar.setTotal(Math.max(step.total, 1));
    bar.update(Math.min(done, Math.max(step.total, 1)), payload(running));
  } else {
    const p = payload(running);
    process.stderr.write(`${step.title}: ${p.done} of ${p.all} ${p.unit}, ${p.rate}, ${p.left}\n`);
  }
}

/** A step that is over keeps its time, while others go on. */
function settle(running: Running, now: number): void {
  running.endedAt = running.done >= running.step.total ? (running.endedAt ?? now) : null;
}

function payload({ step, done, startedAt, endedAt }: Running) {
  const seconds = Math.max(((endedAt ?? Date.now()) - startedAt) / 1000, 0.001);
  const rate = done / seconds;
  const left =
    done >= step.total ? `${clock(seconds)} in all` : rate > 0 && seconds > 0.5 ? `${clock((step.total - done) / rate)} left` : '';
  return {
    title: step.title.padEnd(10),
    done: grouped(done),
    all: grouped(step.total),
    unit: step.unit,
    // of the first moments it says nothing: 1,421 orders in a millisecond
    rate: seconds <= 0.5 ? '' : `${rate < 10 ? rate.toFixed(1) : grouped(rate)}/s`,
    left,
  };
}

function clock(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
