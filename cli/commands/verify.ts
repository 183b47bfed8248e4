/** glossier verify [drop] [--drop ID] [--since TIME] [--json] */
import { dropsOffset, readDrops, writeDrops } from '../../consumer/load/drop-sync.js';
import { verify } from '../../consumer/status/verify.js';
import type { VerifyPart } from '../../consumer/status/verify-part.js';
import { topicOffsets } from '../../shared/kafka.js';
import { grouped } from '../../shared/number-text.js';
import { type CommandRun, EXIT, quiet } from '../context.js';
import { withAdmin, withDatabase } from '../database.js';
import { sinceInstant } from '../since.js';

export const run: CommandRun = async context => {
  quiet(context);
  if (context.args.length > 0) return (await import('./verify-drop.js')).verifyDrop(context, context.args[0]);
  const { options, display } = context;
  const part: VerifyPart = {};
  if (options.drop !== undefined) part.drop = String(options.drop);
  if (options.since !== undefined) part.since = sinceInstant(String(options.since), Date.now());
  const whole = Object.keys(part).length === 0;
  const services = await context.services();
  const { topic } = context.settings;
  const { results, orders } = await withDatabase(context, services, 'verify', async (db, tables) => {
    const ends = await withAdmin(services.kafka, async admin => {
      if (!(await admin.listTopics()).includes(topic)) return null;
      const at = new Date();
      return { at, offsets: await topicOffsets(admin, topic) };
    });
    if (ends !== null) await writeDrops(db, tables, topic, await readDrops(services.kafka, topic, await dropsOffset(db, tables, topic)));
    const onCheck = (done: number, total: number) => display.progress({ title: 'Checking', total, unit: 'checks' }, done);
    return verify(db, tables, { topic, ends, onCheck, ...(!whole && { part }) });
  });
  display.finish();
  const broken = results.filter(r => r.broken > 0);
  if (context.options.json === true)
    context.print(JSON.stringify({ ok: broken.length === 0, ...(orders !== null && { orders }), checks: results }, null, 2));
  else {
    for (const r of results) {
      context.print(`${r.broken === 0 ? 'ok    ' : 'BROKEN'} ${r.rule}${r.broken === 0 ? '' : `: ${r.broken}`}`);
      for (const e of r.examples) context.print(`         ${e}`);
    }
    if (orders !== null) context.print(`Of ${grouped(orders)} order(s) that were loaded:`);
    context.print(broken.length === 0 ? `All ${results.length} checks hold.` : `${broken.length} of ${results.length} checks are broken.`);
  }
  return broken.length === 0 ? EXIT.ok : EXIT.failed;
};
