/** An order for each rule that refuses one. */

/** Members that replace those of a good order, as they stand in the text; undefined takes one away. */
export type Members = Record<string, string | undefined>;

const WHOLE = 'is not a whole number in 1…9223372036854775807';

/** What is changed of a good order, and the refusal: code, path, reason. */
export const REFUSED: [change: Members, code: string, path: string, reason: string][] = [
  [{ id: undefined }, 'bad_id', 'id', 'id is missing'],
  [{ id: 'null' }, 'bad_id', 'id', 'id is null'],
  [{ id: '"5"' }, 'bad_id', 'id', 'id is a string, a whole number in 1…9223372036854775807 was expected'],
  [{ id: '0' }, 'bad_id', 'id', `id ${WHOLE}`],
  [{ id: '-1' }, 'bad_id', 'id', `id ${WHOLE}`],
  [{ id: '1.5' }, 'bad_id', 'id', `id ${WHOLE}`],
  [{ id: '9223372036854775808' }, 'bad_id', 'id', `id ${WHOLE}`],
  [{ processed_at: undefined }, 'missing_field', 'processed_at', 'processed_at is missing'],
  [{ processed_at: 'null' }, 'missing_field', 'processed_at', 'processed_at is null'],
  [{ processed_at: '5' }, 'bad_type', 'processed_at', 'processed_at is a number, an instant as text was expected'],
  [
    { processed_at: '"2017-12-04T10:00:00"' },
    'bad_instant',
    'processed_at',
    'processed_at is not a real date and time with an offset (like 2017-10-31T19:49:53-04:00)',
  ],
  [
    { closed_at: '"2017-02-30T10:00:00Z"' },
    'bad_instant',
    'closed_at',
    'closed_at is not a real date and time with an offset (like 2017-10-31T19:49:53-04:00)',
  ],
  [{ total_price: undefined }, 'missing_field', 'total_price', 'total_price is missing'],
  [{ total_price: 'null' }, 'missing_field', 'total_price', 'total_price is null'],
  [{ total_price: '"NaN"' }, 'bad_number', 'total_price', 'total_price is not a decimal as text or number'],
  [{ total_price: 'true' }, 'bad_type', 'total_price', 'total_price is true, a decimal as text or number was expected'],
  [{ total_tax: '"1e15"' }, 'out_of_range', 'total_tax', 'total_tax: 1e15 does not fit numeric(19,4)'],
  [{ line_items: undefined }, 'bad_line_items', 'line_items', 'line_items is missing, an array was expected'],
  [{ line_items: '{}' }, 'bad_line_items', 'line_items', 'line_items is an object, an array was expected'],
  [{ line_items: '[{"id":1},null]' }, 'bad_line_items', 'line_items[1]', 'line_items[1] is not an object'],
  [{ line_items: '[{"id":1},{}]' }, 'bad_line_items', 'line_items[1].id', 'line_items[1].id is missing, a whole number was expected'],
  [{ line_items: '[{"id":"1"}]' }, 'bad_line_items', 'line_items[0].id', 'line_items[0].id is a string, a whole number was expected'],
  [{ line_items: '[{"id":0}]' }, 'bad_line_items', 'line_items[0].id', `line_items[0].id ${WHOLE}`],
  [
    { line_items: '[{"id":1,"quantity":2147483648}]' },
    'out_of_range',
    'line_items[0].quantity',
    'line_items[0].quantity: 2147483648 does not fit integer',
  ],
  [{ line_items: '[{"id":1,"quantity":1.5}]' }, 'bad_number', 'line_items[0].quantity', 'line_items[0].quantity is not a whole number'],
  [
    { line_items: '[{"id":1,"product_id":"2"}]' },
    'bad_type',
    'line_items[0].product_id',
    'line_items[0].product_id is a string, a whole number was expected',
  ],
  [
    { line_items: '[{"id":1,"variant_id":1e19}]' },
    'out_of_range',
    'line_items[0].variant_id',
    'line_items[0].variant_id: 1e19 does not fit bigint',
  ],
  [
    { line_items: '[{"id":1,"x":"\\u0000"}]' },
    'bad_text',
    'an unknown field of line_items[0]',
    'an unknown field of line_items[0] holds NUL or an unpaired surrogate, which Postgres cannot store',
  ],
  [{ number: '1.5' }, 'bad_number', 'number', 'number is not a whole number'],
  [{ user_id: '92233720368547758080' }, 'out_of_range', 'user_id', 'user_id: 92233720368547758080 does not fit bigint'],
  [{ device_id: '"1"' }, 'bad_type', 'device_id', 'device_id is a string, a whole number was expected'],
  [{ test: '"no"' }, 'bad_type', 'test', 'test is a string, true or false was expected'],
  [{ note: '5' }, 'bad_type', 'note', 'note is a number, a string was expected'],
  [{ note: '"a\\u0000"' }, 'bad_text', 'note', 'note holds NUL or an unpaired surrogate, which Postgres cannot store'],
  [{ email: '"\\ud800"' }, 'bad_text', 'email', 'email holds NUL or an unpaired surrogate, which Postgres cannot store'],
  [{ phone: '{}' }, 'bad_type', 'phone', 'phone is an object, a string was expected'],
  [
    { buyer_accepts_marketing: '1' },
    'bad_type',
    'buyer_accepts_marketing',
    'buyer_accepts_marketing is a number, true or false was expected',
  ],
  [
    { new: '{"\\ud800":1}' },
    'bad_text',
    'an unknown field',
    'an unknown field holds NUL or an unpaired surrogate, which Postgres cannot store',
  ],
];
