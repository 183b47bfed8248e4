/** Answers to `why` as a person reads them: pure. */
import { grouped as n } from '../../shared/number-text.js';
import { USER_FIELDS } from '../../shared/order.js';
import { printable } from '../../shared/printable.js';
import type { Difference } from '../proof/proof.js';
import type { WhyDrop, WhyLineItem } from './drop.js';
import type { Place, WhyOrder } from './order.js';
import type { WhyUser } from './user.js';

/** Entries of a list that are told one by one; --json has all. */
const MOST_TOLD = 20;

export function renderOrder(w: WhyOrder): string {
  const lines = [`Order ${w.order}`];
  if (w.from === null) lines.push('  no message is known to have brought it');
  else lines.push(...placeLines(w.from));
  if (w.batch !== null)
    lines.push(
      `  loaded    ${w.batch.loaded_at} by worker ${w.batch.worker}, version ${w.batch.version || '-'}, in a batch of ${n(w.batch.messages)} message(s)`,
    );
  if (w.retried !== null)
    lines.push(`  retried   reject ${w.retried.reject} was loaded ${w.retried.tried_at}${w.retried.mended ? ', as mended by hand' : ''}`);
  lines.push(`  stands    ${w.tables.length === 0 ? 'in no month table' : `in ${w.tables.join(' and ')}`}`);
  lines.push(`  user      ${w.user ?? 'none'}`);
  if (w.forgotten !== null)
    lines.push(
      `  forgotten ${w.forgotten === 'money' ? 'its personal columns are empty' : 'nothing is kept of it'}, as its user was forgotten`,
    );
  const items = w.line_items.length;
  lines.push(
    `  items     ${n(items)} of ${w.line_item_total === null ? '?' : n(w.line_item_total)} line item(s)${items === 0 ? '' : `: ${some(w.line_items)}`}`,
  );
  for (const s of w.shared) lines.push(`            ${s}`);
  if (w.content !== null) lines.push(`  content   ${w.content}`);
  for (const o of w.others.slice(0, MOST_TOLD)) lines.push(`  another   ${o.at} ${short(o)}: ${printable(o.why)}`);
  if (w.others.length > MOST_TOLD) lines.push(`            … and ${n(w.others.length - MOST_TOLD)} more; --json has them`);
  lines.push(...heldLines(w.differing, w.rows));
  return lines.join('\n');
}

function placeLines(p: Place): string[] {
  const lines = [];
  if (p.drop === '') lines.push('  from      another producer, of no drop');
  else
    lines.push(`  from      drop ${p.drop} (${printable(p.name ?? 'unknown drop')})`, `  file      ${printable(p.file)}, index ${p.index}`);
  lines.push(`  message   topic ${p.topic}, partition ${p.partition}, offset ${n(p.offset)}`);
  return lines;
}

function short(p: Place): string {
  const from = p.drop === '' ? 'of no drop' : `${printable(p.name ?? p.drop)} ${printable(p.file)}, index ${p.index ?? '-'}`;
  return `${from} (partition ${p.partition}, offset ${p.offset})`;
}

function heldLines(differing: Difference[] | null, rows: string[] = []): string[] {
  if (differing === null) return ['  checked   not against its message: that is not at hand'];
  const told = differing.map(d => `  DIFFERS   ${d.table} ${d.id}: ${d.column} is ${value(d.is)}, the message says ${value(d.should_be)}`);
  told.push(...rows.map(r => `  DIFFERS   ${printable(r)}`));
  return told.length === 0 ? ['  checked   every field is what its message says'] : told;
}

export function renderUser(w: WhyUser): string {
  const lines = [`User ${w.user}`];
  if (w.forgotten !== null)
    lines.push(
      `  forgotten ${w.forgotten.keeps === 'money' ? 'personal columns are empty' : 'nothing is kept'}, as requested ${w.forgotten.requested_at}: ${printable(w.forgotten.reason)}`,
    );
  for (const d of w.by_drop.slice(0, MOST_TOLD)) {
    const from = d.drop === '' ? 'messages of no drop' : `drop ${d.drop} (${printable(d.name ?? 'unknown drop')})`;
    lines.push(`  ${from}: ${n(d.orders)} order(s), ${d.spend}, ${d.first} to ${d.last}`);
  }
  if (w.by_drop.length > MOST_TOLD) lines.push(`  … and ${n(w.by_drop.length - MOST_TOLD)} more drops; --json has them`);
  if (w.orders !== null)
    lines.push(
      `  together ${n(w.orders.orders)} order(s), ${w.orders.spend}, ${w.orders.first} to ${w.orders.last}, ${n(w.orders.days)} day(s)`,
    );
  if (w.staged.orders > 0)
    lines.push(`  of which ${n(w.staged.orders)} order(s), ${w.staged.spend}, wait in user_staging for the next merge`);
  lines.push('');
  if (w.stats === null) lines.push('  user_stats has no row');
  for (const [figure, fits] of Object.entries(w.adds_up)) {
    if (w.stats !== null) lines.push(`  ${figure.padEnd(24)} ${w.stats[figure]}${fits ? '' : '   DIFFERS from what the orders say'}`);
  }
  for (const field of USER_FIELDS) if (w.stats !== null) lines.push(`  ${field.padEnd(24)} ${value(w.stats[field])}`);
  if (w.newest !== null)
    lines.push('', `  These four fields are those of order ${w.newest.order} of ${w.newest.processed_at},`, `  ${short(w.newest)}`);
  if (w.newest_is_newest === false) lines.push('  DIFFERS   that is not the newest order in the month tables');
  if (w.fields_unchanged === false) lines.push('  DIFFERS   they are not what was merged from it');
  lines.push(...heldLines(w.differing));
  return lines.join('\n');
}

export function renderLineItem(w: WhyLineItem, order: WhyOrder | null): string {
  if (w.row === null) return `Line item ${w.line_item} is in no table.`;
  const columns = Object.entries(w.row).map(([column, text]) => `  ${column.padEnd(14)} ${value(text)}`);
  const from = order === null ? `Order ${w.row.order_id} is not known.` : renderOrder(order);
  return [`Line item ${w.line_item}, of order ${w.row.order_id}`, ...columns, '', from].join('\n');
}

export function renderDrop(w: WhyDrop): string {
  const { published: p, counted: c, same, state, waiting } = w.certificate;
  const lines = [`Drop ${w.drop} (${printable(w.name)}), ${state}`];
  if (w.started_at !== null) lines.push(`  published ${w.started_at} to ${w.finished_at ?? 'not ended yet'}`);
  if (p !== null)
    lines.push(`            ${n(p.orders)} order(s), ${n(p.line_items)} line item(s), total_price ${p.total_price}, content ${p.content}`);
  lines.push(
    `  counted   ${n(c.orders)} = ${n(c.loaded)} loaded + ${n(c.bypassed)} bypassed + ${n(c.rejected)} rejected${waiting > 0 ? `; ${n(waiting)} wait to be loaded` : ''}`,
  );
  lines.push(
    `  sums      ${same === null ? 'not comparable: one side has none' : same ? 'of orders, bytes and content agree in every file' : `differ in ${w.certificate.files.map(printable).join(', ')}`}`,
  );
  for (const m of w.months) lines.push(`  ${m.month}   ${n(m.orders)} order(s) of ${n(m.files)} file(s), ${n(m.line_items)} line item(s)`);
  if (w.batches.count > 0)
    lines.push(
      `  loaded    ${w.batches.first} to ${w.batches.last}, in ${n(w.batches.count)} batch(es) by ${n(w.batches.workers)} worker(s), version ${w.batches.versions.join(', ')}`,
    );
  const { identical, conflicting, unknown } = w.bypassed;
  if (identical + conflicting + unknown > 0)
    lines.push(
      `  bypassed  ${n(identical)} identical, ${n(conflicting)} conflicting${unknown > 0 ? `, ${n(unknown)} not comparable` : ''}`,
    );
  for (const d of w.conflicts_with)
    lines.push(
      `            ${n(d.orders)} conflict with ${d.drop === '' ? 'messages of no drop' : `drop ${d.drop} (${printable(d.name ?? 'unknown drop')})`}`,
    );
  for (const r of w.rejected)
    lines.push(
      `  rejected  ${n(r.count)} × ${r.code}${r.path === '' ? '' : ` at ${printable(r.path)}`}${r.kind === 'file' ? ' (file)' : ''}`,
    );
  return lines.join('\n');
}

function some(ids: string[]): string {
  return ids.length <= 8 ? ids.join(', ') : `${ids.slice(0, 8).join(', ')} …`;
}

function value(text: string | null | undefined): string {
  return text == null ? 'null' : printable(text).slice(0, 80);
}
