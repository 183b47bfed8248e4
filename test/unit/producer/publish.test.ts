import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmur2, partitionOf } from '../../../producer/murmur2.js';
import { type Mark, START } from '../../../producer/publish-files.js';
import { contentHash, hashText } from '../../../shared/content-hash.js';
import { FakeWriter, PARTITIONS, publish, type Sent } from './publishing.js';

const ordersFile = (ids: (number | string)[]) => `{"orders":[${ids.map(id => `{"id":${id}}`).join(', ')}]}`;

/** The sums of orders that have neither line items nor a price. */
function sums(...orders: string[]) {
  const content = orders.reduce((sum, o) => sum + contentHash(Buffer.from(o)), 0n);
  return { bytes: orders.join('').length, items: 0, price: '0.0000', content: hashText(content) };
}

test('the sums of a file are those of all its orders, also of those that an earlier run has published', async () => {
  const orders = [
    '{"id":1,"total_price":"104.52000000000001","line_items":[{"id":1},{"id":2}]}',
    '{ "line_items" : [ ] , "total_price" : 7.00005, "id":2, "line_items":[[],"]"] }',
    '{"id":3,"line_items":[1],"line_items":null,"total_price":"123456789012345.5","total\\u005fprice":-1e1}',
    '{"id":4,"total_price":"x"}',
  ];
  const files = { 'a.json': `{"orders":[${orders.join(',')}]}`, 'b.jsonl': `${orders.slice(0, 2).join('\n')}\n{"id":` };
  const whole = await publish(files);
  assert.deepEqual(
    whole.found?.map(f => [f.orders, f.sums?.bytes, f.sums?.items, f.sums?.price]),
    [
      [4, orders.join('').length, 4, '101.5201'],
      [3, orders.slice(0, 2).join('').length + 6, 4, '111.5201'],
    ],
  );
  for (let index = 0; index < 4; index++) {
    const rest = await publish(files, { file: 0, index, orders: index });
    assert.deepEqual(rest.found, whole.found);
  }
  const other = await publish({ ...files, 'a.json': files['a.json'].replace('"id":4', '"id":5') });
  assert.notEqual(other.found![0].sums!.content, whole.found![0].sums!.content);
});

test('each order is one message with its key, value, place and month, in its partition', async () => {
  const files = {
    '2017-12-04.json': ordersFile([5, 6, '"x"']),
    'sub/none.json': '{"orders":[null]}',
    '2017-12-05.json': ordersFile([7]),
  };
  const { found, sent, bytes } = await publish(files);
  const by = (a: Sent, b: Sent) => a.file.localeCompare(b.file) || a.index - b.index;
  const p = (key: string) => partitionOf(murmur2(Buffer.from(key)), PARTITIONS);
  assert.deepEqual(sent.sort(by), [
    { partition: p('5'), key: '5', value: '{"id":5}', file: '2017-12-04.json', index: 0, month: '2017_12' },
    { partition: p('6'), key: '6', value: '{"id":6}', file: '2017-12-04.json', index: 1, month: '2017_12' },
    {
      partition: p('2017-12-04.json:2'),
      key: null,
      value: '{"id":"x"}',
      file: '2017-12-04.json',
      index: 2,
      month: '2017_12',
    },
    { partition: p('7'), key: '7', value: '{"id":7}', file: '2017-12-05.json', index: 0, month: '2017_12' },
    { partition: p('sub/none.json:0'), key: null, value: 'null', file: 'sub/none.json', index: 0, month: null },
  ]);
  assert.deepEqual(found, [
    {
      name: '2017-12-04.json',
      month: '2017_12',
      bytes: files['2017-12-04.json'].length,
      orders: 3,
      sums: sums('{"id":5}', '{"id":6}', '{"id":"x"}'),
    },
    { name: 'sub/none.json', month: null, bytes: 17, orders: 1, sums: sums('null') },
    { name: '2017-12-05.json', month: '2017_12', bytes: files['2017-12-05.json'].length, orders: 1, sums: sums('{"id":7}') },
  ]);
  assert.equal(bytes, Object.values(files).join('').length);
});

test('a broken file ends where it breaks; the files after it are published', async () => {
  const { found, sent } = await publish({
    'a.json': '{"orders":[{"id":1},{"id":2},{"id"',
    'b.json': 'x',
    'c.json': ordersFile([3]),
    'd.json': '{"orders":[]}',
  });
  assert.deepEqual(sent.map(s => s.key).sort(), ['1', '2', '3']);
  assert.deepEqual(
    found?.map(f => [f.name, f.orders, f.fault?.reason, f.fault?.byte, f.fault?.orders]),
    [
      ['a.json', 2, 'the file is cut off: it ends inside its JSON', 34, 2],
      ['b.json', 0, 'the top level is not an object', 0, 0],
      ['c.json', 1, undefined, undefined, undefined],
      ['d.json', 0, undefined, undefined, undefined],
    ],
  );
});

const many = (first: number, count: number, bytes: number) =>
  `{"orders":[${Array.from({ length: count }, (_, n) => `{"id":${first + n},"x":"${'y'.repeat(bytes)}"}`)}]}`;

test('sends are bounded, one is in flight, each partition is in order, and marks say what is confirmed', async () => {
  const files = { 'a.json': many(1, 3000, 3000), 'b.json': many(10_000, 5, 890_000), 'c.json': many(20_000, 300, 100) };
  const { found, writer, marks, sent } = await publish(files);
  assert.equal(sent.length, 3305);
  assert.deepEqual(
    found?.map(f => f.orders),
    [3000, 5, 300],
  );
  assert.equal(writer.mostInFlight, 1);
  assert.ok(writer.sends.length > 4);
  const raw = (list: Sent[]) => list.reduce((sum, s) => sum + s.value.length, 0);
  for (const send of writer.sends) {
    assert.ok(raw(send) <= 3_000_000);
    for (let p = 0; p < PARTITIONS; p++) {
      const share = send.filter(s => s.partition === p);
      assert.ok(share.length === 1 || raw(share) <= 800_000);
    }
  }
  const order = (s: Sent) => s.file.charCodeAt(0) * 1e9 + s.index;
  for (let p = 0; p < PARTITIONS; p++) {
    const places = sent.filter(s => s.partition === p).map(order);
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
  }
  let before = 0;
  writer.sends.forEach((send, n) => {
    before += send.length;
    assert.equal(marks[n].orders, before);
    const mark = 'abc'.charCodeAt(marks[n].file) * 1e9 + marks[n].index;
    assert.ok(send.every(s => order(s) < mark));
    assert.ok((writer.sends[n + 1] ?? []).every(s => order(s) >= mark));
  });
  assert.deepEqual(marks.at(-1), { file: 2, index: 300, orders: 3305 });
});

test('from any mark on exactly the rest is sent, and the counts are those of the whole', async () => {
  const files = {
    'a.json': ordersFile([1, 2, 3]),
    'b.json': '{"orders":[]}',
    'c.json': ordersFile([4]),
    'd.json': '{"orders":[{"id":5},{"id":6},',
  };
  const all = [1, 2, 3, 4, 5, 6].map(String);
  const marks: Mark[] = [
    START,
    { file: 0, index: 1, orders: 1 },
    { file: 0, index: 3, orders: 3 },
    { file: 2, index: 0, orders: 3 },
    { file: 2, index: 1, orders: 4 },
    { file: 3, index: 1, orders: 5 },
    { file: 3, index: 2, orders: 6 },
  ];
  for (const mark of marks) {
    const { found, sent } = await publish(files, mark);
    assert.deepEqual(sent.map(s => s.key).sort(), all.slice(mark.orders), JSON.stringify(mark));
    assert.deepEqual(
      found?.map(f => f.orders),
      [3, 0, 1, 2],
    );
  }
});

test('a mark that does not fit the files sends nothing', async () => {
  const files = { 'a.json': ordersFile([1, 2, 3]), 'b.json': ordersFile([4]) };
  for (const mark of [
    { file: 1, index: 0, orders: 2 },
    { file: 1, index: 1, orders: 3 },
    { file: 0, index: 4, orders: 4 },
    { file: 1, index: 2, orders: 5 },
    { file: 2, index: 0, orders: 4 },
  ]) {
    const { found, sent } = await publish(files, mark);
    assert.deepEqual([found, sent], [null, []], JSON.stringify(mark));
  }
  const smaller = await publish(
    { 'a.json': many(1, 3, 100), 'b.json': ordersFile([4]) },
    { file: 1, index: 0, orders: 3 },
    { maxOrderBytes: 50 },
  );
  assert.equal(smaller.found, null);
});

test('orders that are too large are left out of any publication, however often it is gone on with', async () => {
  const big = `{"id":9,"x":"${'y'.repeat(100)}"}`;
  const files = {
    'a.json': `{"orders":[${big},{"id":1},${big},${big},{"id":2},${big}]}`,
    'b.json': `{"orders":[${big}]}`,
    'c.json': `{"orders":[{"id":3},${big},{"id":4}`,
  };
  const places = [
    ['a.json', 1],
    ['a.json', 4],
    ['c.json', 0],
    ['c.json', 2],
  ];
  const options = { maxOrderBytes: 50 };
  const whole = await publish(files, START, options);
  const left = (text: string, indexes: number[]) => {
    let byte = 0;
    const first = indexes.map(index => {
      byte = text.indexOf(big, byte + 1);
      return { index, byte, bytes: big.length };
    });
    return { count: indexes.length, first };
  };
  assert.deepEqual(
    whole.found?.map(f => [f.orders, f.oversize, f.fault?.orders]),
    [
      [2, left(files['a.json'], [0, 2, 3, 5]), undefined],
      [0, left(files['b.json'], [0]), undefined],
      [2, left(files['c.json'], [1]), 3],
    ],
  );
  const marks: [Mark, number][] = [
    [START, 0],
    [{ file: 0, index: 2, orders: 1 }, 1],
    [{ file: 0, index: 5, orders: 2 }, 2],
    [{ file: 0, index: 6, orders: 2 }, 2],
    [{ file: 1, index: 0, orders: 2 }, 2],
    [{ file: 2, index: 0, orders: 2 }, 2],
    [{ file: 2, index: 1, orders: 3 }, 3],
    [{ file: 2, index: 3, orders: 4 }, 4],
  ];
  for (const [mark, sent] of marks) {
    const rest = await publish(files, mark, options);
    const found = rest.sent.map(s => [s.file, s.index]).sort();
    assert.deepEqual(found, places.slice(sent), JSON.stringify(mark));
    assert.deepEqual(rest.found, whole.found);
  }
  for (const mark of [
    { file: 0, index: 2, orders: 2 },
    { file: 0, index: 7, orders: 2 },
    { file: 1, index: 0, orders: 7 },
    { file: 2, index: 3, orders: 5 },
  ])
    assert.deepEqual([(await publish(files, mark, options)).found, mark], [null, mark]);
});

test('a send that fails ends it, and what was confirmed before stays known', async () => {
  const writer = new FakeWriter();
  writer.failAt = 2;
  await assert.rejects(publish({ 'a.json': many(1, 5000, 3000) }, START, { writer }), /the broker is gone/);
  assert.equal(writer.sends.length, 2);
});

test('it stops on the signal', async () => {
  await assert.rejects(publish({ 'a.json': ordersFile([1]) }, START, { signal: AbortSignal.abort() }), {
    name: 'InterruptedError',
  });
});
