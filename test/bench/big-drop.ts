/** A larger drop made out of a real one: the same bytes several times, with ids of their own, a month later for each copy. */
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import yazl from 'yazl';
import { dropEntries } from '../support/oracle-zip.js';

/** Added to ids for each copy; all stay below 2^53, as other programs are measured on the same drop. */
const ORDER_STEP = 10 ** 14;
const USER_STEP = 10 ** 10;
const ID_LINE = /^( +)"(id|user_id)": (\d+)(,?)$/gm;

/**
 * @param real path of a drop whose files are pretty-printed, an id on a line of its own
 * @param times how many copies; 1 is the real drop with other names
 * @param first number of the first copy, whose ids are the real ones where it is 0
 */
export async function writeBigDrop(real: string, path: string, times: number, first = 0): Promise<void> {
  const zip = new yazl.ZipFile();
  const written = pipeline(zip.outputStream, createWriteStream(path));
  for (let n = first; n < first + times; n++) {
    for await (const { name, bytes } of dropEntries(real)) {
      // latin1: bytes that are not ASCII pass through as they are
      const text = bytes.toString('latin1').replace(ID_LINE, (_, blanks, field, id, comma) => {
        const step = field === 'id' ? ORDER_STEP : USER_STEP;
        return `${blanks}"${field}": ${Number(id) + n * step}${comma}`;
      });
      zip.addBuffer(Buffer.from(text, 'latin1'), `copy-${String(n).padStart(3, '0')}/${later(name, n)}`, { compressionLevel: 1 });
    }
  }
  zip.end();
  await written;
}

/** The file's name, so many months later. */
function later(name: string, months: number): string {
  const [, year, month, rest] = /(\d{4})-(\d{2})-(\d{2}\.json)$/.exec(name)!;
  const all = Number(year) * 12 + Number(month) - 1 + months;
  return `${String(Math.floor(all / 12)).padStart(4, '0')}-${String((all % 12) + 1).padStart(2, '0')}-${rest}`;
}
