/** How a case of bad or odd input is written: what comes in, what must come out. */

/** What is changed of a good order: members that replace its own (undefined takes one away), members put behind it, or a whole other element. */
export type Change = Record<string, string | undefined> | { behind: string } | { whole: string };

/**
 * `code path` of the rejection; or that it loads, with what must stand in the tables: columns of the order as Postgres writes them in UTC,
 * `month`, `items` (how many line items it has) and columns of its first line item behind `item.`.
 */
export type Outcome = string | Record<string, string | null>;

export type OrderCase = readonly [why: string, change: Change, outcome: Outcome];

/** A good order as JSON text, with one line item of its own id. */
export function goodOrder(id: number): string {
  return orderText(id, {});
}

/** The element that a case puts into a file or a message. */
export function orderText(id: number, change: Change): string {
  if ('whole' in change && change.whole !== undefined) return change.whole;
  const members: Record<string, string | undefined> = {
    id: String(id),
    user_id: '7',
    processed_at: '"2017-12-04T10:00:00Z"',
    total_price: '"1.00"',
    line_items: `[{"id":${id},"quantity":1}]`,
  };
  const behind = 'behind' in change ? `,${change.behind}` : '';
  if (behind === '') Object.assign(members, change);
  const texts = Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [`${JSON.stringify(name)}:${value}`]));
  return `{${texts.join(',')}${behind}}`;
}

/** `n` arrays in each other. */
export function nested(n: number): string {
  return '['.repeat(n) + ']'.repeat(n);
}
