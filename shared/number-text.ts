/** Numbers for people. */

/**
 * 13183 -> `13,183`, rounded to a whole number.
 *
 * Not by toLocaleString: loading what ICU knows of en-US takes 27 to 40 ms, a twentieth of what a short command takes in all.
 */
export function grouped(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
}
