/**
 * Why something may be refused here, or taken, although another reader says otherwise: every rule of the contract in one place. A
 * disagreement that none of them explains is a fault.
 */

/** An order or a message that is rejected: the codes it may have, and what the oracle must find wrong with it. */
export const ORDER_RULES: readonly { rule: string; codes: readonly string[]; fault: RegExp }[] = [
  { rule: 'an order is one object of JSON', codes: ['not_json', 'not_an_object', 'empty_value'], fault: /^not an object/ },
  { rule: 'an order is in UTF-8', codes: ['bad_text'], fault: /^the bytes are not UTF-8/ },
  { rule: 'an order is nested at most MAX_DEPTH deep', codes: ['too_deep'], fault: /^nested deeper/ },
  { rule: 'id is a whole number in 1…2^63−1', codes: ['bad_id'], fault: /^id / },
  { rule: 'processed_at and total_price are there', codes: ['missing_field'], fault: /^(processed_at|total_price) is missing or null/ },
  {
    rule: 'line_items is an array of objects with ids',
    codes: ['bad_line_items'],
    fault: /^line_items( is not an array|\[\d+\](\.id| is not an object))/,
  },
  {
    rule: 'a field has the type of its column',
    codes: ['bad_type'],
    fault: / is (not a number|not text|neither true nor false|not a decimal number)/,
  },
  { rule: 'a number is written as its column takes it', codes: ['bad_number'], fault: / is not a (whole|decimal) number/ },
  { rule: 'a number fits its column', codes: ['out_of_range'], fault: / is out of range|^has a number that Postgres cannot hold/ },
  {
    rule: 'an instant is a real one with an offset',
    codes: ['bad_instant'],
    fault: / is (not a date and time with an offset|no time of a day|no date of the calendar)| too many decimals/,
  },
  { rule: 'text is what Postgres can hold', codes: ['bad_text'], fault: /^has text that Postgres cannot hold/ },
  {
    rule: 'an unknown field is held as it was delivered, also what a later one of its key replaces',
    codes: ['bad_text', 'out_of_range'],
    fault: /^replaced/,
  },
];

/** JSON that one reader takes and another does not. `python`: json.loads of the bytes. */
export const JSON_RULES: readonly { rule: string; takes: 'ours' | 'python'; when: RegExp; bytes?: (value: Buffer) => boolean }[] = [
  { rule: 'RFC 8259 has neither NaN nor Infinity', takes: 'python', when: /./, bytes: b => /NaN|Infinity/.test(b.toString('latin1')) },
  {
    rule: 'a message is in UTF-8, without a mark',
    takes: 'python',
    when: /./,
    bytes: b => b.length > 1 && (b[0] === 0 || b[1] === 0 || b[0] === 0xef),
  },
  { rule: 'JSON.parse is handed text: bytes that are not UTF-8 come to it replaced', takes: 'ours', when: /^UnicodeDecodeError/ },
  { rule: 'a number may have more than 4,300 digits', takes: 'ours', when: /^ValueError: Exceeds the limit/ },
  { rule: 'Python reads less deep than MAX_DEPTH', takes: 'ours', when: /^RecursionError/ },
];

/** A zip that is refused here although another reader takes it: the words of our refusal. */
export const ZIP_REFUSALS: readonly { rule: string; words: RegExp }[] = [
  {
    rule: 'the directory is whole: as many entries and bytes as the end says',
    words: /has a corrupt directory|has a directory of \d+ bytes/,
  },
  {
    rule: 'every file lies in the zip, before the directory, and in no other file',
    words: /lies outside the zip by the directory|is not where the directory says|lies in the bytes of/,
  },
  {
    rule: 'every file has the size and the checksum that the directory tells of',
    words: /is longer than|bytes where the directory tells of|is damaged|has two sizes/,
  },
  { rule: 'a name stands once, without control characters', words: /is in it twice|control character in its name/ },
  { rule: 'no file is encrypted', words: /is encrypted|has an encrypted directory/ },
  { rule: 'a file is stored or deflated', words: /is packed by .*method \d+/ },
  { rule: 'a drop is one zip', words: /is one part of a zip of several|is not a zip|is cut off|became shorter/ },
  { rule: 'a drop holds a .json file', words: /holds no \.json file/ },
  { rule: 'limits of entries, sizes and ratio', words: /, more than \d+/ },
];

/** A zip that is taken here although another reader refuses it: the words of that reader. Only the directory counts, and only what is wanted. */
export const ZIP_LENIENCE: readonly { rule: string; words: RegExp }[] = [
  { rule: 'the local header is not believed: its name', words: /File name in directory .* and header .* differ/ },
  { rule: 'the local header is not believed: its flags', words: /Local file header flags|strong encryption|patched data|encrypted/i },
  { rule: 'the version that made or reads it says nothing', words: /zip file version/ },
  {
    rule: 'extra fields that are not zip64 are not read',
    words: /[Cc]orrupt (zip64 )?extra field|extra field length|zip64 extended information|Zip64|extra.*(short|length|larger)/i,
  },
  { rule: 'a name need not be UTF-8 to be a name', words: /codec can't decode|invalid (characters|relative path)|absolute path/ },
  {
    rule: 'bytes behind or before the zip do no harm',
    words:
      /invalid comment length|Bad offset for central|invalid central directory file header signature|Bad magic number for (central directory|file header)/i,
  },
  {
    rule: 'the last end record counts, and the zip64 record that it leads to',
    words: /end of central directory|multi-disk|multiple disks/i,
  },
  { rule: 'files that are not wanted are not looked at', words: /size mismatch for stored file/ },
];
