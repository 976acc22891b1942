// What is known of items that pages name by their ids: asked for together, and kept while the dashboard is open.

import { useEffect, useState } from "./preact.js";
import { get, query } from "./api.js";

const known = new Map();
const MOST = 2000;
const AT_ONCE = 100;

/** Items by id: what the shop says of them; an id that it does not know has no entry. */
export async function items(ids, signalled) {
  const wanted = [...new Set(ids)].filter((id) => !known.has(id));
  for (let start = 0; start < wanted.length; start += AT_ONCE) {
    const page = await get(`v1/items${query({ item_id: wanted.slice(start, start + AT_ONCE) })}`, signalled);
    for (const id of wanted.slice(start, start + AT_ONCE)) known.set(id, null);
    for (const item of page.items) known.set(item.item_id, item);
  }
  const found = new Map(ids.filter((id) => known.get(id)).map((id) => [id, known.get(id)]));
  if (known.size > MOST) for (const id of [...known.keys()].slice(0, known.size - MOST)) known.delete(id);
  return found;
}

export const forget = (id) => known.delete(id);

/** The same for a part of a page: empty until they are there. */
export function useItems(ids) {
  const [found, show] = useState(new Map());
  const name = ids.join("\n");
  useEffect(() => {
    if (!ids.length) return undefined;
    const control = new AbortController();
    items(ids, control.signal).then((all) => !control.signal.aborted && show(all), () => {});
    return () => control.abort();
  }, [name]);
  return found;
}
