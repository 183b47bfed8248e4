/** Messages of other producers, one line a case. Those of one `how` are sent together, in their order, into one partition. */
import { gzipSync } from 'node:zlib';
import { nested, type Outcome, orderText } from './case.js';

/** How it is sent: compressed by kafkajs or by hand, or in a transaction. */
export type How = 'plain' | 'gzip' | 'lz4' | 'snappy' | 'zstd' | 'commit' | 'abort';

export interface OtherMessage {
  /** Default: none. */
  key?: string | Buffer | null;
  value: string | Buffer | null;
  headers?: Record<string, string | Buffer | (string | Buffer)[]>;
  how?: How;
}

/** `null`: it is not delivered at all. */
export type MessageCase = readonly [why: string, message: OtherMessage, outcome: Outcome | null];

let id = 800_000;
/** A good order of an id of its own, and what it must come to. */
const good = (): string => orderText(++id, {});
const MONTH = { month: '2017_12' };
const NO_UTF8 = Buffer.concat([Buffer.from(orderText(890_001, { note: '"' }).slice(0, -1)), Buffer.from([0xff, 0xfe, 0x22, 0x7d])]);
/** U+D800 as three bytes, which no UTF-8 has. */
const CESU = Buffer.from(orderText(890_002, { note: '"X"' }).replace('X', '\u0001\u0002\u0003'), 'latin1');
CESU.set([0xed, 0xa0, 0x80], CESU.indexOf(1));
const JUNK = Buffer.from(Uint8Array.from({ length: 500 }, (_, n) => (n * 7919 * (n + 13)) >> 3));
/** Bad, and of a transaction that is given up: the only such bytes. */
export const ABORTED = '{"aborted":';
const place = { drop: 'd-other', file: '2016-03-01.json', index: '0', month: '2016_03' };

export const MESSAGES: readonly MessageCase[] = [
  ['no key and no headers', { value: good() }, MONTH],
  ['a key that is the id', { key: '800002', value: good() }, MONTH],
  ['a key that is another id', { key: '5', value: good() }, MONTH],
  ['an empty key', { key: '', value: good() }, MONTH],
  ['a binary key', { key: Buffer.from([0, 255, 10]), value: good() }, MONTH],
  ['a key of 100 KB', { key: 'k'.repeat(100_000), value: good() }, MONTH],
  ['a tombstone', { key: '800002', value: null }, 'empty_value '],
  ['a tombstone without a key', { value: null }, 'empty_value '],
  ['an empty value', { value: '' }, 'empty_value '],
  ['blanks', { value: ' \n\t' }, 'not_json '],
  ['binary junk', { value: JUNK }, 'not_json '],
  ['a NUL byte', { value: Buffer.from([0]) }, 'not_json '],
  ['words', { value: 'hello' }, 'not_json '],
  ['XML', { value: '<order id="5"/>' }, 'not_json '],
  ['JSON packed by gzip', { value: gzipSync(good()) }, 'not_json '],
  ['a byte order mark', { value: `\ufeff${good()}` }, 'not_json '],
  ['UTF-16', { value: Buffer.from(good(), 'utf16le') }, 'not_json '],
  ['an Avro frame', { value: Buffer.concat([Buffer.from([0, 0, 0, 0, 7]), JUNK]) }, 'not_json '],
  ['bytes that are not UTF-8', { value: NO_UTF8 }, 'bad_text '],
  ['a surrogate in three bytes', { value: CESU }, 'bad_text '],
  ['cut off in a text', { value: good().slice(0, 30) }, 'not_json '],
  ['cut off before its last brace', { value: good().slice(0, -1) }, 'not_json '],
  ['a brace too many', { value: `${good()}}` }, 'not_json '],
  ['two orders', { value: `${good()}\n${good()}` }, 'not_json '],
  ['an array of orders', { value: `[${good()}]` }, 'not_an_object '],
  ['a whole file', { value: `{"orders":[${good()}]}` }, 'bad_id id'],
  ['an order in an envelope', { value: `{"schema":{},"payload":${good()}}` }, 'bad_id id'],
  ['a comma behind the last field', { value: good().replace(/}$/, ',}') }, 'not_json '],
  ['a comment', { value: good().replace('{', '{/* */') }, 'not_json '],
  ['NaN', { value: orderText(++id, { new: 'NaN' }) }, 'not_json '],
  ['a number with a leading nought', { value: orderText(++id, { new: '01' }) }, 'not_json '],
  ['a number that ends in its point', { value: orderText(++id, { new: '1.' }) }, 'not_json '],
  ['a raw tab in a text', { value: orderText(++id, { note: '"\t"' }) }, 'not_json '],
  ['an unknown escape', { value: orderText(++id, { note: '"\\x41"' }) }, 'not_json '],
  ['half an escape', { value: orderText(++id, { note: '"\\u12"' }) }, 'not_json '],
  ['single quotes', { value: orderText(++id, { note: "'a'" }) }, 'not_json '],
  ['a key without quotes', { value: good().replace('"id"', 'id') }, 'not_json '],
  ['arrays without end', { value: '['.repeat(100_000) }, 'too_deep '],
  ['arrays 10,000 deep', { value: orderText(++id, { new: nested(10_000) }) }, 'too_deep '],
  ['a bare number', { value: '42' }, 'not_an_object '],
  ['a bare number with half an exponent', { value: '42e' }, 'not_json '],
  ['blanks around an order', { value: `\r\n ${good()} \t` }, MONTH],
  ['900 KB of text', { value: orderText(++id, { note: `"${'é'.repeat(450_000)}"` }) }, { note: 'é'.repeat(450_000) }],
  ['1 MB, compressed', { value: orderText(++id, { note: `"${'x'.repeat(1_200_000)}"` }), how: 'gzip' }, { note: 'x'.repeat(1_200_000) }],
  [
    'without a file the month is that of processed_at in UTC',
    { value: orderText(++id, { processed_at: '"2017-12-31T23:30:00-01:00"' }) },
    { month: '2018_01' },
  ],
  [
    'before the year 1 it is the first month',
    { value: orderText(++id, { processed_at: '"0001-01-01T00:00:00+01:00"' }) },
    { month: '0001_01' },
  ],
  [
    'after the year 9999 it is the last month',
    { value: orderText(++id, { processed_at: '"9999-12-31T23:59:59-01:00"' }) },
    { month: '9999_12' },
  ],
  ['headers of a tracing program', { value: good(), headers: { traceparent: '00-4bf92f-01', 'content-type': 'json' } }, MONTH],
  ['a place in a drop that we do not know', { value: good(), headers: place }, { month: '2016_03' }],
  ['the same place once more', { value: good(), headers: place }, { month: '2016_03' }],
  ['a drop without a file', { value: good(), headers: { drop: 'd', index: '1', month: '2016_03' } }, MONTH],
  ['a month of its own and no drop', { value: good(), headers: { month: '2016_03' } }, MONTH],
  ['a month that there is not', { value: good(), headers: { ...place, index: '1', month: '2016_13' } }, MONTH],
  ['a month with SQL', { value: good(), headers: { ...place, index: '2', month: '2016_03"; --' } }, MONTH],
  ['an index that is no number', { value: good(), headers: { ...place, index: 'x' } }, MONTH],
  ['a negative index', { value: good(), headers: { ...place, index: '-1' } }, MONTH],
  ['an index above int4', { value: good(), headers: { ...place, index: '99999999999' } }, MONTH],
  ['NUL in a drop and a file', { value: good(), headers: { ...place, drop: 'a\0b', file: '\0' } }, { month: '2016_03' }],
  ['headers that are not UTF-8', { value: good(), headers: { ...place, drop: Buffer.from([0xff, 0xfe]) } }, { month: '2016_03' }],
  ['empty headers', { value: good(), headers: { drop: '', file: '', index: '', month: '' } }, MONTH],
  ['a file name of 100 KB', { value: good(), headers: { ...place, file: 'f'.repeat(100_000) } }, MONTH],
  [
    'a header that is there twice',
    { value: good(), headers: { ...place, index: '3', month: ['2015_01', '2016_03'] } },
    { month: '2016_03' },
  ],
  ['a header named as a member of every object', { value: good(), headers: { constructor: 'x', toString: 'y' } as never }, MONTH],
  ['1,000 headers', { value: good(), headers: Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`h${n}`, 'x'])) }, MONTH],
  ['a batch of gzip', { value: good(), how: 'gzip' }, MONTH],
  ['a bad one in a batch of gzip', { value: '{', how: 'gzip' }, 'not_json '],
  ['a batch of lz4', { value: good(), how: 'lz4' }, MONTH],
  ['a bad one in a batch of lz4', { value: '{', how: 'lz4' }, 'not_json '],
  ['a batch of snappy', { value: good(), how: 'snappy' }, MONTH],
  ['a bad one in a batch of snappy', { value: '{', how: 'snappy' }, 'not_json '],
  ['a batch of zstd', { value: good(), how: 'zstd' }, MONTH],
  ['a bad one in a batch of zstd', { value: '{', how: 'zstd' }, 'not_json '],
  ['in a transaction', { value: good(), how: 'commit' }, MONTH],
  ['a bad one in a transaction', { value: '{', how: 'commit' }, 'not_json '],
  ['in a transaction that was given up', { value: good(), how: 'abort' }, null],
  ['a bad one in a transaction that was given up', { value: ABORTED, how: 'abort' }, null],
];
