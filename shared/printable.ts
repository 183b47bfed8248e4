/** Text from outside, shown to people: names of files, texts of orders. Pure. */

/** What would drive a terminal or turn the direction of a line: controls, marks and overrides of direction, separators of lines. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The text with U+FFFD in the place of what is not to be shown. */
export function printable(text: string): string {
  return text.replace(UNSEEN, '\ufffd');
}

/** A name is shown in lines of the log and on terminals. U+FFFD is what Node makes of bytes that are no UTF-8. */
export function isOneLine(name: string): boolean {
  return !/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd]/.test(name);
}
