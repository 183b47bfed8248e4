/** Sets of ids for rows that are made on trial: pure. */
import type { KnownIds } from './order-rows.js';

/** What a piece of a batch claims, over what is known beneath it; taken back by dropping the layer. */
class IdLayer extends Set<string> {
  /** `add` is called by Set's own constructor, so nothing is handed to it. */
  below: ReadonlySet<string> = new Set();

  override has(id: string): boolean {
    return super.has(id) || this.below.has(id);
  }
}

/** Takes nothing in: every order is made that is not known, also where an earlier one of the batch has its id. */
class FixedIds extends IdLayer {
  override add(): this {
    return this;
  }
}

/** Knows nothing and forgets nothing: gathers the ids of all orders, also of those that share one, and of those that turn out faulty. */
class EveryId extends Set<string> {
  override has(): boolean {
    return false;
  }

  override delete(): boolean {
    return false;
  }
}

/** Gathers all ids that rows are made for. */
export function everyId(): KnownIds {
  return { orders: new EveryId(), lineItems: new EveryId() };
}

function over<L extends IdLayer>(layer: L, below: ReadonlySet<string>): L {
  layer.below = below;
  return layer;
}

/** A layer on top of these ids, which stay as they are. */
export function layerOver(known: KnownIds): KnownIds {
  return { orders: over(new IdLayer(), known.orders), lineItems: over(new IdLayer(), known.lineItems) };
}

/** These ids and no others, whatever is added. */
export function fixed(known: KnownIds): KnownIds {
  return { orders: over(new FixedIds(), known.orders), lineItems: over(new FixedIds(), known.lineItems) };
}

/** Takes what a layer claimed into the ids beneath it. */
export function takeLayer(known: KnownIds, layer: KnownIds): void {
  for (const id of layer.orders) known.orders.add(id);
  for (const id of layer.lineItems) known.lineItems.add(id);
}
