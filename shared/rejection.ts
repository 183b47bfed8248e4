/** Why something was refused: a code that programs group by, the path of what failed, and the reason in words. */

export type RejectionCode =
  | 'not_json'
  | 'not_an_object'
  | 'bad_id'
  | 'missing_field'
  | 'bad_type'
  | 'out_of_range'
  | 'bad_instant'
  | 'bad_number'
  | 'bad_line_items'
  | 'bad_text'
  | 'too_deep'
  | 'empty_value'
  | 'refused_by_database'
  | 'broken_file'
  | 'too_large';

/** One refusal. `path` is like `line_items[2].quantity`; empty where the whole is meant. `reason` may quote a value, so it is kept in the rejects table and never logged. */
export interface Rejection {
  code: RejectionCode;
  path: string;
  reason: string;
}
