import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { PeriodReport } from '../../../consumer/period-report.js';

test('a line tells what has come since the one before, the lag of the last look, and the rate', () => {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info', base: undefined, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const report = new PeriodReport(log, 1000);
  const counts = { loaded: 90, bypassed: 8, rejected: 2, repeated: 1, lineItems: 9 };
  report.tell(3000, 101, counts);
  report.looked(
    [
      { partition: 0, low: 0, end: 70 },
      { partition: 1, low: 5, end: 9 },
      { partition: 2, low: 0, end: 3 },
    ],
    new Map([
      [0, 50],
      [1, 9],
      [2, 4],
    ]),
  );
  report.tell(13_000, 101, counts);
  report.tell(13_000, 111, { ...counts, loaded: 100 });
  assert.deepEqual(lines, [
    { level: 30, read: 101, loaded: 90, bypassed: 8, rejected: 2, lag: null, rate: 51, msg: 'loading' },
    { level: 30, read: 0, loaded: 0, bypassed: 0, rejected: 0, lag: 20, rate: 0, msg: 'idle' },
    { level: 30, read: 10, loaded: 10, bypassed: 0, rejected: 0, lag: 20, rate: 10_000, msg: 'loading' },
  ]);
});
