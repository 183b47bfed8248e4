/** Reads COPY text the way Postgres' documentation describes it; shares nothing with the writer. */
export function decodeCopy(bytes: Buffer): (Buffer | null)[][] {
  const letters: Record<string, number> = { b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };
  const rows: (Buffer | null)[][] = [];
  let row: (Buffer | null)[] = [];
  let cell: number[] = [];
  let isNull = false;
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i];
    if (c === 0x09 || c === 0x0a) {
      row.push(isNull ? null : Buffer.from(cell));
      cell = [];
      isNull = false;
      if (c === 0x0a) {
        rows.push(row);
        row = [];
      }
    } else if (c === 0x5c) {
      const next = String.fromCharCode(bytes[++i]);
      if (next === 'N' && cell.length === 0) isNull = true;
      else cell.push(letters[next] ?? bytes[i]);
    } else if (c === 0x0d) throw new Error('a bare carriage return');
    else cell.push(c);
  }
  if (row.length > 0 || cell.length > 0 || isNull) throw new Error('the last row has no end');
  return rows;
}

/** A JSON string's content with any of its characters written as escapes, by `how`: 0 as it is, 1 short, 2 \u. */
export function escapeJson(text: string, how: readonly number[]): string {
  const short: Record<string, string> = {
    '"': '\\"',
    '\\': '\\\\',
    '/': '\\/',
    '\b': '\\b',
    '\f': '\\f',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
  };
  let out = '';
  let n = 0;
  for (const char of text) {
    const wanted = how.length === 0 ? 0 : how[n++ % how.length];
    const must = char < ' ' || char === '"' || char === '\\';
    if (wanted === 2 || (must && short[char] === undefined)) {
      for (let i = 0; i < char.length; i++) out += `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`;
    } else if ((wanted === 1 || must) && short[char] !== undefined) out += short[char];
    else out += char;
  }
  return out;
}
