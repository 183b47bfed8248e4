/** Wrong usage as a person meets it: one line that says what and what to do, and exit 2. No servers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe, runCli } from '../../support/cli.js';

const WRONG: readonly [args: string[], says: string][] = [
  [['nope'], "unknown command 'nope'"],
  [['lode'], "unknown command 'lode' (Did you mean load?)"],
  [['load'], "missing required argument 'drop'"],
  [['status', '--jsn'], "unknown option '--jsn' (Did you mean --json?)"],
  [['merge', '--merge-every', 'soon'], '--merge-every "soon" is not a number with a unit (like 60s)'],
  [['produce', 'x.zip', '--database-url', 'postgres://a@127.0.0.1/b'], 'DATABASE_URL is set and KAFKA_BROKERS is not'],
];

test('wrong usage ends with 2 and one line that says what is wrong and what to do', async () => {
  const results = await Promise.all(WRONG.map(([args]) => runCli(args, {})));
  for (const [i, result] of results.entries()) {
    const { code, stdout, stderr } = result;
    assert.deepEqual({ code, stdout, lines: stderr.split('\n').length }, { code: 2, stdout: '', lines: 2 }, describe(result));
    assert.ok(stderr.startsWith(`glossier: ${WRONG[i][1]} — `), stderr);
  }
});
