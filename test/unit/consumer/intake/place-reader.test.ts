/** The quick way to a message's place, held against the plain one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlaceReader } from '../../../../consumer/intake/place-reader.js';
import { encodeRecordHeaders } from '../../../../producer/record-batch.js';
import { FetchedRecord } from '../../../../shared/fetched-records.js';
import { decodeHeaders, type Headers } from '../../../../shared/order-message.js';

function record(headers: [string, string][]): FetchedRecord {
  // several of one key cannot be given as an object, so each is encoded by itself
  const bodies = headers.map(([key, value]) => encodeRecordHeaders({ [key]: value }, 0).subarray(1));
  const before = Buffer.from('rest');
  const bytes = Buffer.concat([before, Buffer.from([headers.length << 1]), ...bodies, Buffer.from('next')]);
  const context = {} as ConstructorParameters<typeof FetchedRecord>[0];
  return new FetchedRecord(context, 0, 0, 0, bytes, 0, -1, 0, before.length, bytes.length - 4);
}

const index = fc.constantFrom('0', '7', '10', '42', '999', '1000', '007', '1234567890', '-1', '1.5', '', 'x', '\u0000', '123456789');
const header = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('index'), index) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('drop'), fc.constantFrom('a', 'b', '', '\nindex\u0004')) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('file'), fc.constantFrom('2017-12-04.json', '2017-12-05.json', '\nindex\u000242')) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('month'), fc.constantFrom('2017_12', '2018_01', 'x')) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('other', 'indexes'), fc.constantFrom('', '1')) },
);
const usual = fc
  .tuple(index, fc.constantFrom('2017-12-04.json', '2017-12-05.json'), fc.boolean())
  .map(([i, file, month]): [string, string][] => [
    ['drop', 'a'],
    ['file', file],
    ...(month ? [['month', '2017_12'] as [string, string]] : []),
    ['index', i],
  ]);

test('whatever the headers, and whatever came before, the place is that of the headers alone', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(usual, fc.array(header, { maxLength: 6 })), { maxLength: 12 }), all => {
      const reader = new PlaceReader();
      for (const headers of all) {
        const r = record(headers);
        assert.deepEqual(reader.read(r), decodeHeaders(r.headers as Headers));
      }
    }),
    { seed: 20171204, numRuns: 5000 },
  );
});
