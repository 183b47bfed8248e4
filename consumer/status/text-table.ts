/** Tables of text for people: pure. */
import Table from 'cli-table3';

const PLAIN = {
  chars: {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: '  ',
  },
  style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
};

/** An empty table without lines; columns of numbers stand to the right. */
export function table(head: string[]): Table.Table {
  const right = [
    'added',
    'removed',
    'changed',
    'published',
    'loaded',
    'bypassed',
    'rejected',
    'position',
    'end',
    'lag',
    'rows',
    'partition',
    'index',
    'count',
    'tries',
  ];
  return new Table({ ...PLAIN, head, colAligns: head.map(h => (right.includes(h) ? 'right' : 'left')) });
}

export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

export function trimLines(text: string): string {
  return text.replace(/[ \t]+$/gm, '');
}
