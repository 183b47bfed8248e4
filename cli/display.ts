/** Progress for people: one bar at a terminal, a plain line now and then in a pipe; both on standard error. */
import { Writable } from 'node:stream';
import cliProgress from 'cli-progress';

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

export class Display {
  readonly #terminal = process.stderr.isTTY === true;
  #bars: cliProgress.MultiBar | null = null;
  #bar: cliProgress.SingleBar | null = null;
  #step: Step | null = null;
  #done = 0;
  #startedAt = 0;
  #shownAt = 0;

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

  /** Begins a step, or changes the total of the present one. */
  progress(step: Step, done: number): void {
    if (this.#step?.title !== step.title) {
      this.finish();
      this.#begin(step);
    }
    this.#step = step;
    this.#done = done;
    const now = Date.now();
    if (now - this.#shownAt < (this.#terminal ? BAR_EVERY : PLAIN_EVERY)) return;
    this.#shownAt = now;
    this.#show();
  }

  /** Ends the present step. */
  finish(): void {
    if (this.#bars !== null) {
      this.#show();
      this.#bars.stop();
      process.stderr.write('\x1b[0m');
    }
    this.#bars = null;
    this.#bar = null;
    this.#step = null;
  }

  end(): void {
    this.finish();
  }

  #begin(step: Step): void {
    this.#startedAt = Date.now();
    this.#shownAt = this.#terminal ? 0 : Date.now();
    this.#step = step;
    if (!this.#terminal) return;
    this.#bars = new cliProgress.MultiBar({
      stream: process.stderr,
      format: '{title} [{bar}] {percentage}% | {done}/{all} {unit} | {rate}/s | {left}',
      barsize: (process.stderr.columns ?? 80) < 100 ? 12 : 24,
      hideCursor: true,
      clearOnComplete: false,
      linewrap: false,
      gracefulExit: false,
      autopadding: true,
      barCompleteChar: '#',
      barIncompleteChar: '-',
    });
    this.#bar = this.#bars.create(Math.max(step.total, 1), 0, this.#payload());
  }

  #show(): void {
    const step = this.#step;
    if (step === null) return;
    if (this.#bar !== null) {
      this.#bar.setTotal(Math.max(step.total, 1));
      this.#bar.update(Math.min(this.#done, Math.max(step.total, 1)), this.#payload());
      this.#bars!.update();
    } else {
      const { title, done, all, unit, rate, left } = this.#payload();
      process.stderr.write(`${title.trim()}: ${done} of ${all} ${unit}, ${rate}/s, ${left}\n`);
    }
  }

  #payload() {
    const { title, total, unit } = this.#step!;
    const seconds = Math.max((Date.now() - this.#startedAt) / 1000, 0.001);
    const rate = this.#done / seconds;
    const left = this.#done >= total ? `${clock(seconds)} in all` : rate > 0 && seconds > 0.5 ? `${clock((total - this.#done) / rate)} left` : '';
    return { title: title.padEnd(10), done: count(this.#done), all: count(total), unit, rate: count(Math.round(rate)), left };
  }

  #write(text: string): void {
    if (this.#bars !== null) this.#bars.log(text.endsWith('\n') ? text : `${text}\n`);
    else process.stderr.write(text);
  }
}

/** 13183 -> `13,183` */
export function count(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

function clock(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
