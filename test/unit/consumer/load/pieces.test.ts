import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inPieces, TAKEN, UNNAMED } from '../../../../consumer/load/pieces.js';

/**
 * Lets a database refuse these positions.
 *
 * @param named for each: whether its error names it @param late an error may name a later one first, as the tables come one after the other
 */
async function run(count: number, bad: ReadonlyMap<number, { named: boolean; late: boolean }>) {
  const taken: number[] = [];
  const refused: number[] = [];
  let attempts = 0;
  let tried = 0;
  await inPieces(count, async (from, to) => {
    assert.ok(to > from);
    assert.equal(from, taken.length + refused.length, 'in order, each once');
    attempts++;
    tried += to - from;
    const here = [...bad.keys()].filter(at => at >= from && at < to).sort((a, b) => a - b);
    if (here.length === 0) {
      for (let at = from; at < to; at++) taken.push(at);
      return TAKEN;
    }
    if (to - from === 1) refused.push(from);
    const first = here.find(at => !bad.get(at)!.late) ?? here[0];
    return bad.get(first)!.named ? first : UNNAMED;
  });
  return { taken, refused, attempts, tried };
}

const positions = (named: fc.Arbitrary<boolean>) =>
  fc
    .array(fc.tuple(fc.nat(999), fc.record({ named, late: fc.boolean() })), { maxLength: 60 })
    .map(list => new Map(list.map(([at, how]) => [at, how])));

test('whatever is refused, named or not, is refused alone, and all others are taken, in their order', async () => {
  await fc.assert(
    fc.asyncProperty(positions(fc.boolean()), fc.integer({ min: 1, max: 1000 }), async (all, count) => {
      const bad = new Map([...all].filter(([at]) => at < count));
      const { taken, refused } = await run(count, bad);
      assert.deepEqual(
        refused,
        [...bad.keys()].sort((a, b) => a - b),
      );
      assert.deepEqual(
        taken,
        Array.from({ length: count }, (_, i) => i).filter(i => !bad.has(i)),
      );
    }),
  );
});

test('40 or 400 refused among 4,000 cost a few attempts each, and a message is in few of them', async () => {
  for (const [every, named, attempts, tried] of [
    [100, true, 8, 4],
    [10, true, 6, 4],
    [100, false, 20, 8],
    [10, false, 10, 8],
  ] as const) {
    const bad = new Map(Array.from({ length: 4000 / every }, (_, i) => [i * every + every - 1, { named, late: false }]));
    const cost = await run(4000, bad);
    assert.equal(cost.refused.length, bad.size);
    const told = `1 of ${every}${named ? '' : ', not named'}: ${cost.attempts} attempts, ${cost.tried} messages`;
    assert.ok(cost.attempts <= attempts * bad.size && cost.tried <= tried * 4000, told);
  }
});

test('all of a batch refused costs less than three attempts each', async () => {
  const bad = new Map(Array.from({ length: 1000 }, (_, i) => [i, { named: false, late: false }]));
  assert.ok((await run(1000, bad)).attempts < 3000);
  assert.deepEqual(await run(0, new Map()), { taken: [], refused: [], attempts: 0, tried: 0 });
});
