/**
 * No line that the program writes for people or logs holds a value of an order, and nothing that it writes a password: looked for in what this test
 * brings about, and in everything that the processes of the other tests of this run have written.
 */
import assert from 'node:assert/strict';
import { createWriteStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import yazl from 'yazl';
import { order, Shop } from '../guarantees/shop.js';
import { PRINTED_DIR, type Printed } from '../support/cli.js';
import { removeServices, tempDir } from '../support/services.js';

/** In a value of every field that can hold text, right or wrong. */
const MARK = 'PLANTED_7f3a';
/** Values of makeDrop: `email of 9007199254740993`. */
const MADE = /\b[a-z_]+ of 90071992547\d{5}\b|\b(?:contact_email|phone) [1-9]\b/;
/** Its very purpose is to show the URL. */
const SHOWS_URL = 'local psql';

const good = (id: number): string =>
  order(id, { more: `,"note":"${MARK}","contact_email":"${MARK}@example.org","unknown":{"deep":["${MARK}"]}` });
const broken = [
  good(2).replace('"1.00"', `"${MARK}"`),
  good(3).replace('2017-12-04T10:00:00Z', MARK),
  good(4).replace('"id":4,"user', `"id":"${MARK}","user`),
  good(5).replace('"user_id":7', `"user_id":"${MARK}"`),
  good(6).replace('"quantity":1', `"quantity":"${MARK}"`),
  good(7).replace(`"${MARK}"`, `"${MARK}\\u0000"`),
  good(8).replace('{"deep"', `{"big":1e999999,"deep"`),
  good(9).replace('"line_items":[', `"line_items":["${MARK}",`),
];
const refused = [10, 11].map(id => good(id).replace('"note":"', '"note":"refused '));

function printed(): Printed[] {
  const dir = process.env[PRINTED_DIR];
  assert.ok(dir, 'run.ts names the folder');
  return readdirSync(dir).flatMap(name =>
    readFileSync(join(dir, name), 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Printed),
  );
}

async function makeZip(path: string, files: Record<string, string>): Promise<void> {
  const zip = new yazl.ZipFile();
  for (const [name, text] of Object.entries(files)) zip.addBuffer(Buffer.from(text), name);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
}

test('no process of the tests has written a value of an order into its log, nor a password anywhere', { timeout: 300_000 }, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '2', LOG_LEVEL: 'trace', BREAKER_SHARE: '100' });
  const zip = join(dir, 'drop.zip');
  await shop.run(0, ['merge']);
  await shop.query(
    `ALTER TABLE orders ADD CONSTRAINT theirs CHECK (note NOT LIKE 'refused%');
     CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.line_item_id = 12 THEN RAISE EXCEPTION 'no: %', NEW; END IF; RETURN NEW; END $$;
     CREATE TRIGGER loud BEFORE INSERT ON order_line_item_mapping FOR EACH ROW EXECUTE FUNCTION loud()`,
  );
  await makeZip(zip, {
    '2017-12-04.json': `{"orders":[${[good(1), ...broken, ...refused, good(12), good(13)].join(',')}]}`,
    '2017-12-05.json': `{"orders":[${good(20)},{"id":21,"note":"${MARK}`,
  });
  await shop.run(1, ['load', zip]);
  await shop.query('DROP TRIGGER loud ON order_line_item_mapping');
  await shop.run(3, ['load', zip]);
  await shop.run(3, ['rejects', 'retry', '--all']);
  await shop.run(0, ['verify']);
  await shop.query('DELETE FROM order_line_item_mapping; UPDATE user_stats SET total_orders = 9');
  await shop.run(4, ['rebuild', '--dry-run']);
  await shop.run(0, ['status']);
  await shop.run(1, ['consume', '--until-drained'], { DATABASE_URL: shop.url.replace(/:[^:@/]+@/, ':PASSWORD_7f3a@') });
  const again = join(dir, 'again.zip');
  await makeZip(again, { '2017-12-06.json': `{"orders":[${broken.map((o, n) => o.replace(/"id":\d/, `"id":${30 + n}`)).join(',')}]}` });
  await shop.run(1, ['load', again], { BREAKER_ORDERS: '1', BREAKER_SHARE: '1' });

  const all = printed();
  assert.ok(all.length >= 9);
  const passwords = new Set(all.flatMap(p => p.passwords).filter(p => p.length > 5));
  assert.ok(passwords.has('PASSWORD_7f3a'), 'passwords are known');
  const breaches: string[] = [];
  for (const { args, stdout, stderr } of all) {
    const command = args.slice(0, 2).join(' ');
    const tell = (what: string, text: string, at: number) =>
      breaches.push(`${command}: ${what}: …${text.slice(Math.max(0, at - 100), at + 60)}…`);
    for (const value of [MARK, MADE]) {
      const at = typeof value === 'string' ? stderr.indexOf(value) : stderr.search(value);
      if (at >= 0) tell('a value in the log', stderr, at);
    }
    for (const [name, text] of Object.entries({ stdout, stderr }))
      for (const password of command === SHOWS_URL ? [] : passwords)
        if (text.includes(password)) tell(`a password in ${name}`, text.replaceAll(password, '<here>'), text.indexOf(password));
  }
  assert.deepEqual(breaches.slice(0, 20), []);
});
