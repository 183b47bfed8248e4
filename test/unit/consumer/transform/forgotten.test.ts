import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOfForgotten, readable } from '../../../../consumer/transform/forgotten.js';
import { OrderScan } from '../../../../consumer/transform/order-scan.js';
import { redactOrder } from '../../../../consumer/transform/redact-order.js';

const forgotten = new Map([['77', 'money' as const]]);

function isTheirs(text: string | Buffer): boolean {
  const bytes = Buffer.from(text as string);
  const scan = new OrderScan(64);
  const fault = scan.scan(bytes);
  return isOfForgotten(readable(scan, fault), bytes, 0, bytes.length, forgotten);
}

test("an order that was refused is found to be a user's however its id is written, and by its own field alone", () => {
  for (const id of ['77', '7.7e1', '77.0', '"77"', '" 77"', '"077"', '"7.7e1"', '"\\u00377"', '[77]', '["77"]'])
    assert.ok(isTheirs(`{"user_id":${id},"note":"x"}`), id);
  assert.ok(isTheirs('{"user\\u005fid": 77}'));
  assert.ok(isTheirs('{"user_id":77,"user_id":"x"}'));
  assert.ok(isTheirs('{"user_id" :\n7.7e1,"note":"cut'));
  assert.ok(isTheirs(Buffer.concat([Buffer.from('{"user_id":77,"note":"'), Buffer.of(0xe9), Buffer.from('"}')])));
  for (const id of ['7', '770', '177', '"x77"', '-77', 'null']) assert.ok(!isTheirs(`{"user_id":${id},"note":"77"}`), id);
  // a refund's user is the clerk
  assert.ok(!isTheirs('{"user_id":1,"refunds":[{"user_id":77}]}'));
  assert.ok(!isTheirs(Buffer.concat([Buffer.from('{"user_id":1,"r":[{"user_id":77}],"note":"'), Buffer.of(0xe9), Buffer.from('"}')])));
});

test('of a redacted order there are the fields that say nothing about anybody, as they were delivered', () => {
  const scan = new OrderScan(64);
  const order =
    '{ "id" : 1e1, "email":"a\\u0040b", "user_id":77,"total_price":"1.50","note":null,"gift":{"to":"x"},"line_items":[{"id":5,"name":"x","quantity":2},{}] }';
  assert.equal(scan.scan(Buffer.from(order)), null);
  assert.equal(
    redactOrder(scan, forgotten).toString(),
    '{"id":1e1,"total_price":"1.50","user_id":77,"line_items":[{"id":5,"quantity":2},{}]}',
  );
  assert.equal(redactOrder(scan, new Map([['77', 'nothing']])).toString(), '{"id":1e1,"user_id":77,"total_price":"0","line_items":[]}');
});
