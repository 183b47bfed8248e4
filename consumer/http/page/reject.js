/** A look at one reject. What it holds is the text of whoever wrote the order. */
import { ask } from './ask.js';
import { el, id, say, show } from './dom.js';
import { foreign, many, n, time } from './words.js';

let older = null;

/** Shows a reject, in a dialog that takes the focus and gives it back. */
export async function look(which) {
  const r = await ask(`reject.json?id=${which}`);
  if (r === null) return;
  draw(r);
  const dialog = id('reject');
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

function draw(r) {
  say(id('reject-title'), `Reject ${r.id}: `, el('code', {}, r.code), ...(r.path === '' ? [] : [' at ', foreign(r.path)]));
  say(id('reject-reason'), foreign(r.reason));
  const facts = [
    ['drop', r.drop === '' ? 'of no drop' : [foreign(r.drop_name), ' ', el('code', {}, r.drop.slice(0, 24))]],
    ['file', r.file === '' ? '–' : foreign(r.file)],
    ['index', r.index ?? '–'],
    ['order', r.order_id ?? '–'],
    ['message', r.partition === null ? '–' : `partition ${r.partition}, offset ${r.offset}`],
    ['rejected', time(r.rejected_at, true)],
    ['tries', r.tries + (r.settled === null ? '' : `, then ${r.settled}`)],
  ];
  id('reject-place').replaceChildren(...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
  show(id('reject-text'), r.text !== null);
  const cut = r.bytes !== null && r.bytes > 16 * 1024;
  say(
    id('reject-bytes'),
    r.bytes === null
      ? 'The file itself is not kept'
      : cut
        ? `The first 16 KiB of ${n(r.bytes)} bytes, as delivered`
        : `${many(r.bytes, 'byte')}, as delivered`,
  );
  id('reject-text').replaceChildren(foreign(r.text ?? '', true));
  older = r.older;
  id('reject-older').disabled = older === null;
}

id('reject-close').addEventListener('click', () => id('reject').close());
id('reject-older').addEventListener('click', () => older !== null && look(older));
// a click beside it closes it, as Escape does
id('reject').addEventListener('click', event => event.target === id('reject') && id('reject').close());
