import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pino } from 'pino';
import { IdempotentWriter } from '../../../producer/idempotent-writer.js';
import { NO_HEADERS, RecordBatchBuilder } from '../../../producer/record-batch.js';
import { InterruptedError, ServiceError } from '../../../shared/errors.js';
import { ServiceState } from '../../../shared/outage.js';
import { type Failure, ModelKafka } from './model-kafka.js';

interface Line {
  level: number;
  msg: string;
}

function setUp(options: { deadline?: number; signal?: AbortSignal } = {}) {
  const model = new ModelKafka();
  const lines: Line[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const service = new ServiceState('Kafka', log, options.deadline ?? 10_000, 0);
  const writer = new IdempotentWriter({ kafka: model.kafka, service, signal: options.signal });
  return { model, lines, service, writer };
}

async function share(partition: number, ...values: string[]) {
  const builder = new RecordBatchBuilder();
  for (const value of values) builder.add(Buffer.from(value), 0, value.length, 0, 0, NO_HEADERS);
  return { topic: 't', partition, records: await builder.pack() };
}

test('writes every share once and says nothing', async () => {
  const { model, lines, writer } = setUp();
  await writer.write([await share(0, 'a', 'b'), await share(1, 'c')]);
  await writer.write([await share(0, 'd')]);
  assert.deepEqual([model.values('t', 0), model.values('t', 1)], [['a', 'b', 'd'], ['c']]);
  assert.deepEqual([model.producers, model.connects, model.requests, lines.length], [1, 1, 2, 0]);
});

test('whatever fails once, nothing is lost, doubled or out of order', async () => {
  const failures: Failure[] = [
    'lost',
    'stored but not confirmed',
    'one partition is not answered',
    { partition: 1, error: 6 },
    { partition: 0, error: 7 },
    { partition: 1, error: 46 },
  ];
  for (const failure of failures) {
    const { model, lines, writer } = setUp();
    await writer.write([await share(0, 'a'), await share(1, 'b')]);
    model.failures.push(failure);
    if (typeof failure === 'object' && failure.error === 46) {
      // the broker has it from an attempt whose answer was lost
      await writer.write([await share(0, 'c')]);
      assert.deepEqual(lines, []);
      continue;
    }
    await writer.write([await share(0, 'c', 'd'), await share(1, 'e')]);
    await writer.write([await share(0, 'f'), await share(1, 'g')]);
    assert.deepEqual(
      [model.values('t', 0), model.values('t', 1)],
      [
        ['a', 'c', 'd', 'f'],
        ['b', 'e', 'g'],
      ],
      JSON.stringify(failure),
    );
    assert.equal(model.producers, 1);
    // a leader that moves is nothing to tell of
    const quiet = typeof failure === 'object' && failure.error === 6;
    assert.deepEqual(
      lines.map(l => l.msg),
      quiet ? [] : ['Kafka is away, waiting', 'Kafka is back'],
    );
  }
});

test('a lost producer id is replaced, and everything unconfirmed goes out again', async () => {
  for (const error of [45, 47, 59]) {
    const { model, writer } = setUp();
    await writer.write([await share(0, 'a'), await share(1, 'b')]);
    model.failures.push({ partition: 1, error });
    await writer.write([await share(0, 'c'), await share(1, 'd')]);
    assert.deepEqual(
      [model.values('t', 0), model.values('t', 1)],
      [
        ['a', 'c'],
        ['b', 'd'],
      ],
    );
    assert.equal(model.producers, 2);
  }
});

test('a partition that the metadata does not list is waited for, not left out', async () => {
  const { model, writer } = setUp();
  model.hidden.add(1);
  setTimeout(() => model.hidden.clear(), 150);
  await writer.write([await share(0, 'a'), await share(1, 'b')]);
  assert.deepEqual([model.values('t', 0), model.values('t', 1)], [['a'], ['b']]);
});

test('after a write that was given up, its numbers are not used for other orders', async () => {
  const { model, writer } = setUp({ deadline: 0 });
  await writer.write([await share(0, 'a')]);
  // stored, never confirmed, and then the deadline passes: the next batch has the same size and must not be taken for a repeat
  model.failures.push('stored but not confirmed', 'lost', 'lost');
  await assert.rejects(writer.write([await share(0, 'b')]), ServiceError);
  model.failures.length = 0;
  await writer.write([await share(0, 'c')]);
  assert.deepEqual(model.values('t', 0), ['a', 'b', 'c']);
});

test('what waiting cannot help ends in one line that says what to do', async () => {
  for (const [error, text] of [
    [10, /larger than the topic takes/],
    [29, /does not allow/],
    [87, /invalid/],
  ] as const) {
    const { model, lines, writer } = setUp();
    model.failures.push({ partition: 0, error });
    await assert.rejects(writer.write([await share(0, 'a')]), (e: ServiceError) => {
      assert.ok(e instanceof ServiceError && e.hint);
      assert.match(e.message, text);
      return true;
    });
    assert.deepEqual(lines, []);
  }
});

test('an outage beyond the deadline, and the signal in an outage, end it', async () => {
  const late = setUp({ deadline: 300 });
  late.model.down = true;
  await assert.rejects(late.writer.write([await share(0, 'a')]), /has been away for/);
  const abort = new AbortController();
  const { model, writer, lines } = setUp({ signal: abort.signal });
  model.down = true;
  setTimeout(() => abort.abort(), 100);
  await assert.rejects(writer.write([await share(0, 'a')]), InterruptedError);
  assert.equal(lines.length, 1);
});

test('writes that are asked for at once take turns', async () => {
  const { model, writer } = setUp();
  model.delay = 5;
  await Promise.all(['a', 'b', 'c'].map(async v => writer.write([await share(0, v)])));
  assert.deepEqual(model.values('t', 0).sort(), ['a', 'b', 'c']);
  assert.equal(model.mostInFlight, 1);
});

test('under any failures each partition has its orders in order, none missing, and twice only under another producer id', async () => {
  const failure = fc.oneof(
    fc.constant(null),
    fc.constantFrom<Failure>('lost', 'stored but not confirmed', 'one partition is not answered'),
    fc.record({ partition: fc.integer({ min: 0, max: 2 }), error: fc.constantFrom(3, 5, 6, 7, 19, 45, 59) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(failure, { maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
      async (failures, masks) => {
        const { model, writer } = setUp();
        model.failures.push(...failures);
        const expected: string[][] = [[], [], []];
        for (const [n, mask] of masks.entries()) {
          const partitions = [0, 1, 2].filter(p => mask & (1 << p));
          for (const p of partitions) expected[p].push(`${n}a`, `${n}b`);
          await writer.write(await Promise.all(partitions.map(p => share(p, `${n}a`, `${n}b`))));
        }
        for (const p of [0, 1, 2]) {
          const values = model.values('t', p);
          assert.deepEqual([...new Set(values)], expected[p]);
          if (model.producers === 1) assert.deepEqual(values, expected[p]);
        }
      },
    ),
    { numRuns: 25 },
  );
});
