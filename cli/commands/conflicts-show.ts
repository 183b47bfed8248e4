/** glossier conflicts show <order> [--json]: both places of each conflict of an order, and the fields that differ. */
import { type Conflict, listConflicts, renderConflict } from '../../consumer/why/conflicts.js';
import { fieldDifferences } from '../../consumer/why/field-differences.js';
import { UsageError } from '../../shared/errors.js';
import { argument, type CommandRun, EXIT, quiet } from '../context.js';
import { withDatabase } from '../database.js';
import { kafkaIfAny, messagesAt } from '../message-at.js';

export const run: CommandRun = async context => {
  quiet(context);
  const order = argument(context, 0);
  if (!/^\d{1,19}$/.test(order)) throw new UsageError(`"${order}" is not the id of an order`);
  const { topic } = context.settings;
  const services = await kafkaIfAny(context);
  const rows = await withDatabase(context, services, 'conflicts', (db, tables) => listConflicts(db, tables, topic, { order }));
  if (rows.length === 0) throw new UsageError(`no conflict of order ${order} is known`, { hint: 'glossier conflicts list shows them' });
  const told: (Conflict & { fields: string[] | null })[] = [];
  for (const conflict of rows) {
    const [first, bypassed] = await messagesAt(context, services.kafka, topic, [conflict.first, conflict.bypassed]);
    const known = first?.value != null && bypassed?.value != null;
    told.push({ ...conflict, fields: known ? fieldDifferences(first.value!, bypassed.value!) : null });
  }
  if (context.options.json === true) context.print(JSON.stringify(told, null, 2));
  else for (const one of told) context.print(renderConflict(one, one.fields));
  return EXIT.ok;
};
