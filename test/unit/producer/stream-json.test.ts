/** The cutter against stream-json, a reader that shares nothing with it: the same orders, whatever the layout and the pieces. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import StreamJson from 'stream-json';
import Pick from 'stream-json/filters/Pick.js';
import StreamArray from 'stream-json/streamers/StreamArray.js';
import { cut } from './cutting.js';

/** stream-json 1.9.1 sets the prototype where a key is `__proto__`, instead of keeping it. */
const KEY = fc.string().filter(key => key !== '__proto__');

/** The orders of a file as stream-json reads them. */
async function read(text: string): Promise<unknown[]> {
  const stream = Readable.from([Buffer.from(text)])
    .pipe(StreamJson.parser())
    .pipe(Pick.pick({ filter: 'orders' }))
    .pipe(StreamArray.streamArray());
  const values: unknown[] = [];
  for await (const { value } of stream) values.push(value);
  return values;
}

test('cuts the orders that stream-json reads', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.object({ maxDepth: 3, key: KEY })),
      fc.nat(3),
      fc.integer({ min: 1, max: 64 }),
      async (orders, indent, size) => {
        const text = JSON.stringify({ shop: { orders: [1] }, orders }, null, indent);
        const slices = cut(text, [size]);
        assert.equal(slices.fault, null);
        assert.deepEqual(
          slices.values.map(s => JSON.parse(s)),
          await read(text),
        );
      },
    ),
    { numRuns: 60 },
  );
});
