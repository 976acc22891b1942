// How a list came about: who found candidates, what was removed, how scores became places.

import { html, useState } from "./preact.js";
import { count, decimal, duration } from "./format.js";
import { useItems } from "./items.js";
import { Badge, Bar, Empty, Facts, Table } from "./parts.js";
import { Move } from "./slate.js";

/** Names of items behind a figure, on demand. */
function Ids({ ids, total }) {
  const [opened, open] = useState(false);
  const names = useItems(opened ? ids : []);
  if (!ids.length) return null;
  return html`<button type="button" class="quiet" aria-expanded=${opened} onClick=${() => open(!opened)}>${opened ? "Hide" : "Show"}</button>
    ${opened && html`<p class="ids">${ids.map((id) => names.get(id)?.title || id).join(" · ")}${total > ids.length ? ` and ${count(total - ids.length)} more` : ""}</p>`}`;
}

export function Funnel({ trace, rows }) {
  if (!trace?.sources) return html`<${Empty} title="The list came whole out of memory: nothing is known of its making." />`;
  const sources = Object.entries(trace.sources).map(([name, each]) => ({ name, found: each.found, items: each.items ?? [] }));
  const most = Math.max(1, ...sources.map((source) => source.found));
  const removed = Object.entries(trace.removed ?? {});
  const before = trace.before_variety ?? [];
  const moved = trace.moved ?? {};
  const titles = useItems(rows.map((row) => row.item_id));
  const chance = trace.exploration ?? {};
  const table = rows.map((row) => ({
    rank: row.rank, item: row.item_id, title: titles.get(row.item_id)?.title || row.item_id, scored: before.indexOf(row.item_id) + 1 || null, score: row.score,
    by: moved[row.item_id] ?? 0, propensity: chance.propensities?.[row.rank - 1],
  }));
  const columns = [
    { name: "rank", title: "Final", number: true },
    { name: "title", title: "Item" },
    { name: "score", title: "Score", number: true, show: (row) => decimal(row.score, 4) },
    { name: "scored", title: "Place by score", number: true, show: (row) => count(row.scored) },
    { name: "by", title: "Moved", number: true, show: (row) => html`<${Move} by=${row.by} />` },
    { name: "propensity", title: "Propensity", number: true, show: (row) => decimal(row.propensity, 3) },
  ];
  const stages = Object.entries(trace.stages_ms ?? {});
  return html`<ol class="funnel">
    <li><h3>Candidates <span class="note">${count(sources.reduce((sum, each) => sum + each.found, 0))} from ${count(sources.filter((each) => each.found).length)} sources, the same item counted for each</span></h3>
      <ul>${sources.map((source) => html`<li key=${source.name}><span class="name">${source.name}</span><${Bar} share=${source.found / most}>${count(source.found)}<//><${Ids} ids=${source.items} total=${source.found} /></li>`)}
        ${(trace.missed ?? []).map((name) => html`<li key=${name}><span class="name">${name}</span><${Badge} kind="bad">failed or too late<//></li>`)}</ul></li>
    <li><h3>Removed <span class="note">${removed.length ? "by filters, before anything is scored" : "nothing: no filter kept anything out"}</span></h3>
      <ul>${removed.map(([name, each]) => html`<li key=${name}><span class="name">${name}</span><b>${count(each.count)}</b><${Ids} ids=${each.items ?? []} total=${each.count} /></li>`)}</ul></li>
    <li><h3>Rules <span class="note">${trace.rules?.in_force?.length ? "in force for this list" : "none in force for this list"}</span></h3>
      <p class="marks">${(trace.rules?.in_force ?? []).map((rule) => html`<${Badge} key=${rule.name ?? rule} kind="mark">${rule.name ?? rule}<//>`)}</p></li>
    <li><h3>Places <span class="note">by score, then moved for variety, caps and rules, then drawn by chance where that is on (${chance.how ?? "none"})</span></h3>
      <${Table} columns=${columns} rows=${table} name="places" caption="Places" rowKey=${(row) => row.item} /></li>
    ${stages.length > 0 && html`<li><h3>Time</h3><${Facts} of=${stages.map(([name, ms]) => [name, duration(ms / 1000)])} /></li>`}</ol>`;
}
