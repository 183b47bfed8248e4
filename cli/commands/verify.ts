/** glossier verify [--json] */
import { dropsOffset, readDrops, writeDrops } from '../../consumer/load/drop-sync.js';
import { verify } from '../../consumer/status/verify.js';
import { topicOffsets } from '../../shared/kafka.js';
import { type CommandRun, EXIT, quiet } from '../context.js';
import { withAdmin, withDatabase } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const services = await context.services();
  const { topic } = context.settings;
  const results = await withDatabase(context, services, 'verify', async (db, tables) => {
    const ends = await withAdmin(services.kafka, async admin => {
      if (!(await admin.listTopics()).includes(topic)) return null;
      const at = new Date();
      return { topic, at, offsets: await topicOffsets(admin, topic) };
    });
    if (ends !== null) await writeDrops(db, tables, topic, await readDrops(services.kafka, topic, await dropsOffset(db, tables, topic)));
    return verify(db, tables, ends);
  });
  const broken = results.filter(r => r.broken > 0);
  if (context.options.json === true) context.print(JSON.stringify({ ok: broken.length === 0, checks: results }, null, 2));
  else {
    for (const r of results) {
      context.print(`${r.broken === 0 ? 'ok    ' : 'BROKEN'} ${r.rule}${r.broken === 0 ? '' : `: ${r.broken}`}`);
      for (const e of r.examples) context.print(`         ${e}`);
    }
    context.print(broken.length === 0 ? `All ${results.length} checks hold.` : `${broken.length} of ${results.length} checks are broken.`);
  }
  return broken.length === 0 ? EXIT.ok : EXIT.failed;
};
