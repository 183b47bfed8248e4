import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parts, type SizedReject } from '../../../../consumer/retry/choose-rejects.js';
import { parseRejectLine, rejectLine } from '../../../../consumer/retry/reject-lines.js';
import { UsageError } from '../../../../shared/errors.js';

const ABOUT = { id: '7', code: 'bad_type', path: 'test', reason: 'test is text' };

test('any bytes come back from the line that they were written to', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map(b => Buffer.from(b)),
    fc.string({ unit: 'binary' }).map(s => Buffer.from(s)),
  );
  fc.assert(
    fc.property(bytes, value => {
      const line = rejectLine({ ...ABOUT, value });
      assert.doesNotMatch(line, /\n/);
      assert.deepEqual(parseRejectLine(line, 1), { id: '7', order: value });
    }),
  );
});

test('text stays text, other bytes are base64, and nothing is empty', () => {
  const members = (value: Buffer | null) => {
    const { order, encoding } = JSON.parse(rejectLine({ ...ABOUT, value }));
    return [order, encoding];
  };
  assert.deepEqual(members(Buffer.from('{"id":9007199254740993}')), ['{"id":9007199254740993}', undefined]);
  assert.deepEqual(members(Buffer.from([0xff, 0x7b])), ['/3s=', 'base64']);
  assert.deepEqual(members(null), ['', undefined]);
});

test('a line that has not the form is named', () => {
  const faults: [line: string, says: RegExp][] = [
    ['{', /^line 3 is not JSON/],
    ['null', /^line 3 has no id/],
    ['{"order":"{}"}', /^line 3 has no id/],
    ['{"id":"x","order":"{}"}', /^line 3 has no id/],
    ['{"id":"7"}', /^line 3 has no order/],
    ['{"id":"7","order":{"id":1}}', /^line 3 has an order that is not text/],
    ['{"id":"7","order":"a","encoding":"hex"}', /^line 3 has another encoding/],
    ['{"id":"7","order":"*","encoding":"base64"}', /^line 3 has an order that is not base64/],
  ];
  for (const [line, says] of faults) {
    assert.throws(
      () => parseRejectLine(line, 3),
      (e: Error) => e instanceof UsageError && says.test(e.message),
      line,
    );
  }
});

test('rejects are cut by orders and bytes, in their order, one at the least', () => {
  const chosen: SizedReject[] = [5, 5, 5, 50, 1, 1].map((bytes, i) => ({ id: String(i), tries: 1, mended: null, bytes }));
  const ids = (orders: number, bytes: number) => [...parts(chosen, orders, bytes)].map(part => part.map(r => r.id).join(''));
  assert.deepEqual(ids(2, 1000), ['01', '23', '45']);
  assert.deepEqual(ids(10, 12), ['01', '2', '3', '45']);
  assert.deepEqual([...parts([], 2, 2)], []);
});
