/** Reading a zip in tests as the producer does before it publishes: the whole of it, or the refusal. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { checkEntries } from '../../../producer/check-entries.js';
import type { ZipLimits } from '../../../producer/drop-limits.js';
import { asDropEntries } from '../../../producer/inflate-entry.js';
import { readZipEntries } from '../../../producer/zip-entries.js';
import { DropError } from '../../../shared/errors.js';
import { Folder, makeZip } from './zips.js';

export const folder = new Folder();
after(() => folder.remove());

export const LIMITS: ZipLimits = { maxEntries: 10_000, maxFileBytes: 2e9, maxDropBytes: 16e9, maxRatio: 200 };
export const A = '{"orders":[{"id":1}]}';
export const B = '{"orders":[{"id":2},{"id":3}]}';

/** Everything that is done with a zip before the first order is published. */
export async function files(zip: Buffer, limits: Partial<ZipLimits> = {}): Promise<Record<string, string>> {
  const path = folder.save(zip);
  const entries = asDropEntries(path, await readZipEntries(path, 'drop.zip', { ...LIMITS, ...limits }));
  await checkEntries(entries, LIMITS.maxDropBytes, undefined, () => {});
  const found: Record<string, string> = {};
  for (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry.read()) chunks.push(chunk);
    found[entry.name] = Buffer.concat(chunks).toString();
  }
  return found;
}

/** The refusal of a zip; everything else fails the test. */
export async function refusal(zip: Buffer, limits: Partial<ZipLimits> = {}): Promise<string> {
  try {
    await files(zip, limits);
  } catch (error) {
    assert.ok(error instanceof DropError, `${error}`);
    assert.ok(error.hint, `no hint: ${error.message}`);
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  assert.fail('it was taken');
}

export const two = () =>
  makeZip([
    { name: 'a.json', data: A },
    { name: 'b.json', data: B, stored: true },
  ]);
