/** Elements by hand. Text only ever becomes text: nothing here, and nothing on the page, parses markup. */

export const id = name => document.getElementById(name);

/** An element with attributes and children; a child that is a string becomes text. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  made.append(...children.flat());
  return made;
}

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.flat());
  return made;
}

/** Sets the text of an element where it is another, so that a screen reader is not told what it knows. */
export function say(element, ...content) {
  const before = element.textContent;
  const fresh = el('span', {}, ...content);
  if (before !== fresh.textContent || element.childElementCount !== fresh.childElementCount) element.replaceChildren(...fresh.childNodes);
}

const DRAWN = Symbol('what a row was drawn from');

/**
 * Brings the children of `parent` to one for each item, in order. What was drawn from an equal item stays the same element, and with it the focus
 * and the selection of whoever reads there.
 */
export function each(parent, items, keyOf, draw) {
  const have = new Map([...parent.children].map(child => [child[DRAWN]?.key, child]));
  const want = items.map(item => {
    const key = keyOf(item);
    const json = JSON.stringify(item);
    const old = have.get(key);
    if (old?.[DRAWN].json === json) return old;
    const fresh = draw(item);
    fresh[DRAWN] = { key, json };
    if (old?.contains(document.activeElement)) queueMicrotask(() => fresh.querySelector('button')?.focus());
    return fresh;
  });
  if (want.length !== parent.children.length || want.some((child, i) => parent.children[i] !== child)) parent.replaceChildren(...want);
}

export function show(element, yes) {
  if (element.hidden === yes) element.hidden = !yes;
}
