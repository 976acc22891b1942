// A list of items as people look at it: cover, title, why it is there, how far it moved.

import { html, useState } from "./preact.js";
import { decimal, isNumber, money } from "./format.js";
import { useItems } from "./items.js";
import { Badge, Bar, Cover, Empty, Id, To } from "./parts.js";

/** How many places up (positive) or down. Shape and words say it, colour too. */
export const Move = ({ by, fresh }) =>
  fresh ? html`<${Badge} kind="mark">new<//>` : !by ? html`<span class="move" title="the same place"><span class="offscreen">the same place</span>=</span>`
  : html`<span class="move ${by > 0 ? "up" : "down"}"><span aria-hidden="true">${by > 0 ? "▲" : "▼"}</span><span class="offscreen">${by > 0 ? "up by" : "down by"}</span> ${Math.abs(by)}</span>`;

const Signed = ({ value }) => html`${isNumber(value) ? `${value >= 0 ? "+" : "−"}${decimal(Math.abs(value), 3)}` : "–"}`;

/** The figures of one item that add up to its score. */
function Why({ figures, names }) {
  const { sources = [], history, moves = {}, reasons = [] } = figures;
  const title = (id) => names.get(id)?.title || id;
  return html`<div class="why">
    <div><h3>Found by</h3><table><thead><tr><th scope="col">source</th><th scope="col" class="number">place</th><th scope="col" class="number">its score</th><th scope="col" class="number">speaks for</th></tr></thead>
      <tbody>${sources.map((each) => html`<tr key=${each.source}><td>${each.source}</td><td class="number">${each.place ?? "–"}</td><td class="number">${decimal(each.score, 3)}</td><td class="number">${decimal(each.speaks_for, 3)}</td></tr>`)}</tbody></table></div>
    ${history && html`<div><h3>From the history</h3><table><thead><tr><th scope="col">because of</th><th scope="col" class="number">adds</th></tr></thead><tbody>
      ${history.items.map((each) => html`<tr key=${each.item_id}><td>${title(each.item_id)}</td><td class="number"><${Signed} value=${each.adds} /></td></tr>`)}
      <tr><td class="note">other events</td><td class="number"><${Signed} value=${history.others} /></td></tr>
      <tr><td class="note">without any history</td><td class="number"><${Signed} value=${history.without_history} /></td></tr>
      <tr class="sum"><td>score of the model</td><td class="number">${decimal(history.model_score, 3)}</td></tr></tbody></table></div>`}
    <div><h3>In words</h3><ul>${reasons.map((each, index) => html`<li key=${index}>${each.text}</li>`)}
      ${Object.entries(moves).map(([pass, by]) => html`<li key=${pass}><${Move} by=${by} /> by ${pass}</li>`)}</ul></div></div>`;
}

/**
 * `rows`: [{item_id, score, sources, reason, rank}]. `moved`: Map id -> {by, fresh}. `figures`: Map id -> what adds up to its score.
 */
export function Slate({ rows, moved, figures, label, empty, anchors = [], dense }) {
  const [opened, open] = useState("");
  const extra = [...(figures?.values() ?? [])].flatMap((each) => each.history?.items.map((one) => one.item_id) ?? []);
  const found = useItems([...rows.map((row) => row.item_id), ...extra, ...anchors]);
  if (!rows.length) return html`<${Empty} title=${empty || "The list is empty."} />`;
  const top = Math.max(...rows.map((row) => row.score ?? 0), 1e-9);
  return html`<ol class="slate ${dense ? "dense" : ""}" aria-label=${label}>${rows.map((row, index) => {
    const item = found.get(row.item_id);
    const more = figures?.get(row.item_id);
    return html`<li key=${row.item_id}>
      <span class="rank">${row.rank ?? index + 1}</span>
      <${Cover} item=${item ?? { item_id: row.item_id }} size=${dense ? "small" : ""} />
      <div class="what"><${To} page="catalogue" params=${{ item: row.item_id }}>${item?.title || row.item_id}<//>
        ${row.reason && html`<span class="reason">${row.reason.text}</span>`}
        ${!dense && html`<span class="note">${item ? `${item.categories.join(" › ")}${isNumber(item.price) ? ` · ${money(item.price)}` : ""} · ` : ""}<${Id}>${row.item_id}<//></span>`}</div>
      ${moved && html`<${Move} ...${moved.get(row.item_id) ?? { by: 0 }} />`}
      ${!dense && html`<div class="score">${isNumber(row.score) && html`<${Bar} share=${row.score / top}>${decimal(row.score, 3)}<//>`}
        <span class="sources">${(row.sources ?? []).map((source) => html`<${Badge} key=${source}>${source}<//>`)}</span></div>`}
      ${more && html`<button type="button" class="quiet" aria-expanded=${opened === row.item_id} onClick=${() => open(opened === row.item_id ? "" : row.item_id)}>Why<span class="offscreen"> ${item?.title || row.item_id}</span></button>`}
      ${more && opened === row.item_id && html`<${Why} figures=${more} names=${found} />`}
    </li>`;
  })}</ol>`;
}

/** How a list differs from another one: per item the way from there to here. */
export function moves(from, to) {
  const places = new Map(from.map((id, index) => [id, index]));
  return new Map(to.map((id, index) => [id, places.has(id) ? { by: places.get(id) - index } : { fresh: true }]));
}

/** The share of items that two lists have in common, and how alike their orders are at the top (rank-biased, p = 0.9). */
export function overlap(one, other) {
  const depth = Math.min(one.length, other.length);
  if (!depth) return { common: 0, alike: 0 };
  const [a, b] = [new Set(), new Set()];
  let [weight, sum, total] = [1, 0, 0];
  for (let place = 0; place < depth; place += 1) {
    a.add(one[place]);
    b.add(other[place]);
    sum += weight * ([...a].filter((id) => b.has(id)).length / (place + 1));
    total += weight;
    weight *= 0.9;
  }
  return { common: [...a].filter((id) => b.has(id)).length / depth, alike: sum / total };
}
