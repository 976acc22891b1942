// The goods: what is known of an item, what is like it, and how the views of features stand.

import { html, useState } from "./preact.js";
import { call, get, path, query, useLoad } from "./api.js";
import { ago, count, duration, money, value } from "./format.js";
import { forget } from "./items.js";
import { Badge, Cover, Empty, Facts, Failed, Id, Loaded, Panel, Table, Tabs, To, When, outward } from "./parts.js";
import { Slate } from "./slate.js";
import { Rules } from "./rules.js";
import { set } from "./state.js";

const TABS = [["items", "Items"], ["rules", "Rules"], ["features", "Features"]];

function Items({ params }) {
  const [text, type] = useState(params.prefix || "");
  const target = `v1/items${query({ prefix: params.prefix, limit: 50, cursor: params.after })}`;
  const found = useLoad((signalled) => get(target, signalled), [target]);
  const columns = [
    { name: "cover", title: "Picture", unseen: true, value: (row) => row.image_url, show: (row) => html`<${Cover} item=${row} size="small" />` },
    { name: "title", title: "Title", show: (row) => html`<${To} page="catalogue" params=${{ item: row.item_id }}>${row.title || row.item_id}<//>` },
    { name: "item_id", title: "Id", show: (row) => html`<${Id}>${row.item_id}<//>` },
    { name: "categories", title: "Categories", value: (row) => row.categories.join(" › ") },
    { name: "price", title: "Price", number: true, show: (row) => money(row.price) },
    { name: "created_at", title: "New since", show: (row) => html`<${When} at=${row.created_at} />` },
    { name: "state", title: "State", value: (row) => (row.hidden ? "hidden" : row.available ? "available" : "unavailable"), show: (row) => html`<${Badge} kind=${row.hidden ? "bad" : row.available ? "good" : "mind"}>${row.hidden ? "hidden" : row.available ? "available" : "unavailable"}<//>` },
  ];
  const submit = (event) => {
    event.preventDefault();
    set({ prefix: text.trim(), after: "" });
  };
  return html`<${Panel} title="Items" note="in order of id" request=${{ target }} wide>
    <form class="lookup" role="search" onSubmit=${submit}><label>Ids that begin with <input type="search" value=${text} onInput=${(event) => type(event.target.value)} autocomplete="off" spellcheck="false" /></label><button type="submit" class="quiet">Find</button></form>
    <${Loaded} from=${found} lines=${8}>${(page) => html`<${Table} columns=${columns} rows=${page.items} name="items" caption="Items" empty=${params.prefix ? `No id begins with ${params.prefix}.` : "The shop has no items yet: honeyguide import items products.csv"} rowKey=${(row) => row.item_id} />
      <p class="buttons">${params.after && html`<button type="button" class="quiet" onClick=${() => set({ after: "" })}>To the beginning</button>`}${page.next_cursor && html`<button type="button" class="quiet" onClick=${() => set({ after: page.next_cursor })}>Next page</button>`}</p>`}<//><//>`;
}

function Item({ id }) {
  const found = useLoad((signalled) => get(path`v1/items/${id}`, signalled), [id]);
  const body = { item_ids: [id] };
  const features = useLoad((signalled) => call("POST", "v1/features:read", body, signalled), [id]);
  const alike = useLoad((signalled) => get(`${path`v1/items/${id}/similar`}?n=8`, signalled), [id]);
  const [problem, say] = useState(null);
  const change = (fields) => call("PATCH", path`v1/items/${id}`, fields).then(() => { forget(id); say(null); found.again(); }, say);
  return html`<${Loaded} from=${found} lines=${6}>${(item) => html`<div class="grid">
    <${Panel} title=${item.title || item.item_id} id="the-item" request=${{ target: path`v1/items/${id}` }} actions=${html`<button type="button" class="quiet" onClick=${() => change({ hidden: !item.hidden })}>${item.hidden ? "Show again" : "Hide everywhere"}</button><button type="button" class="quiet" onClick=${() => set({ item: "" })}>All items</button>`}>
      ${problem && html`<${Failed} error=${problem} />`}
      <div class="item"><${Cover} item=${item} size="large" /><${Facts} of=${[["Id", html`<${Id}>${item.item_id}<//>`], ["State", html`<${Badge} kind=${item.hidden ? "bad" : item.available ? "good" : "mind"}>${item.hidden ? "hidden" : item.available ? "available" : "unavailable"}<//>`], ["Categories", item.categories.join(" › ") || "none"], ["Price", money(item.price)],
        ["New since", html`<${When} at=${item.created_at} />`], ["Page", outward(item.url) ? html`<a href=${item.url} rel="noreferrer noopener" target="_blank">${item.url}</a>` : item.url || "–"], ["Picture", item.image_url ? (item.image_url.startsWith("data:") ? "in the item itself" : item.image_url) : "none"],
        ...Object.entries(item.properties).map(([name, each]) => [name, value(each)]), ["Changed at", `log position ${count(item.sequence)}`]]} /></div><//>
    <${Panel} title="Like it" request=${{ target: `${path`v1/items/${id}/similar`}?n=8` }}><${Loaded} from=${alike} lines=${5}>${(slate) => html`<${Slate} rows=${slate.items} dense label="Items like it" />`}<//><//>
    <${Panel} title="Features" request=${{ target: "v1/features:read", method: "POST", body }} wide><${Loaded} from=${features}>${(read) => html`<${Table} name=${`features-${id}`} caption="Features" rows=${Object.entries(read.items[id] ?? {}).map(([view, each]) => ({ view, ...each }))} rowKey=${(row) => row.view} empty="No feature view is about items."
      columns=${[{ name: "view", title: "Feature" }, { name: "value", title: "Value", number: true, show: (row) => html`<span class="clip" title=${value(row.value)}>${row.view === "age" ? duration(row.value) : value(row.value)}</span>` }, { name: "event_time", title: "Latest event", show: (row) => html`<${When} at=${row.event_time} />` }, { name: "computed_at", title: "Worked out", show: (row) => html`<span>${ago(row.computed_at)}</span>` }, { name: "status", title: "State", show: (row) => html`<${Badge} kind=${{ present: "good", stale: "mind", missing: "" }[row.status]}>${row.status}<//>` }]} />`}<//><//>
    </div>`}<//>`;
}

function Views() {
  const found = useLoad((signalled) => get("v1/features", signalled), [], { every: 5000 });
  const columns = [
    { name: "name", title: "View" },
    { name: "entity", title: "Of", show: (row) => html`<${Badge}>${row.entity}<//>` },
    { name: "kind", title: "Kind" },
    { name: "events", title: "Events", value: (row) => row.events.join(", ") },
    { name: "window", title: "Window", number: true, show: (row) => (row.window ? duration(row.window) : "all time") },
    { name: "ttl", title: "Good for", number: true, show: (row) => duration(row.ttl) },
    { name: "compared", title: "Compared", number: true, show: (row) => count(row.compared) },
    { name: "mismatches", title: "Differed", number: true, show: (row) => (row.mismatches ? html`<${Badge} kind="bad">${count(row.mismatches)}<//>` : count(row.mismatches)) },
  ];
  return html`<${Panel} title="Feature views" note="Served values are held against the log; what differed is counted" request=${{ target: "v1/features" }} wide><${Loaded} from=${found}>${(page) => html`
    <p class="marks"><span class="note">log at ${count(page.position)}</span><${Badge} kind=${page.position - page.users_through > 5000 ? "mind" : "good"}>users folded to ${count(page.users_through)}<//><${Badge} kind=${page.position - page.items_through > 5000 ? "mind" : "good"}>items folded to ${count(page.items_through)}<//></p>
    ${page.items.length ? html`<${Table} columns=${columns} rows=${page.items} name="views" caption="Feature views" rowKey=${(row) => row.name} />` : html`<${Empty} title="No feature view is declared." />`}`}<//><//>`;
}

export function Catalogue({ params }) {
  const tab = params.rule !== undefined ? "rules" : TABS.some(([name]) => name === params.tab) ? params.tab : "items";
  return html`<${Tabs} tabs=${TABS} chosen=${tab} choose=${(name) => set({ tab: name === "items" ? "" : name, item: "", rule: undefined })} label="Parts of the catalogue" />
    ${tab === "items" ? (params.item ? html`<${Item} id=${params.item} key=${params.item} />` : html`<${Items} params=${params} />`) : tab === "rules" ? html`<${Rules} chosen=${params.rule} />` : html`<${Views} />`}`;
}
