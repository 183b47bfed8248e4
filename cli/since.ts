/** `--since`: an instant, or a time back from now. */
import { UsageError } from '../shared/errors.js';

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * @param text `2017-12-04`, `2017-12-04T10:00:00Z` (without an offset: UTC), or `90m`, `2h`, `3d`
 * @throws UsageError when it is neither
 */
export function sinceInstant(text: string, now: number): Date {
  const back = /^(\d{1,9}(?:\.\d+)?)([smhd])$/.exec(text);
  if (back !== null) return new Date(now - Number(back[1]) * UNITS[back[2]]);
  const instant = /^\d{4}-\d{2}-\d{2}(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:\d{2})?)?$/.exec(text);
  const date = instant === null ? null : new Date(`${text.slice(0, 10)}T${instant[1] ?? '00:00'}${instant[2] ?? 'Z'}`);
  if (date === null || Number.isNaN(date.getTime()))
    throw new UsageError(`--since "${text}" is no instant`, { hint: 'like 2017-12-04, 2017-12-04T10:00:00Z, 2h or 3d' });
  return date;
}
