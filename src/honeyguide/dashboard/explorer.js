// Look up a user and see why: what is known of them, the list they would get now, how it came about, and what would change it.

import { html, useEffect, useState } from "./preact.js";
import { call, get, path, query, useLoad } from "./api.js";
import { ago, count, duration, stamp, value } from "./format.js";
import { Funnel } from "./funnel.js";
import { useItems } from "./items.js";
import { Badge, Cover, Empty, Facts, Failed, Id, Loaded, Panel, Table, Tabs, To, When } from "./parts.js";
import { Compare, WhatIf } from "./tries.js";
import { Slate } from "./slate.js";
import { go, set } from "./state.js";

const TABS = [["list", "List"], ["funnel", "How it came about"], ["compare", "Compare"], ["whatif", "What if"], ["cache", "Cache"], ["raw", "Raw"]];
const KINDS = { purchase: "good", add_to_cart: "mark", wishlist_add: "mark", hide: "bad", dislike: "bad", rating: "mind" };

/** The request that the page shows: a list for now, which leaves no trace. */
export const asked = (params, more = {}) => ({
  target: "v1/recommendations", method: "POST",
  body: { user_id: params.user || "", surface: params.surface || "home", n: Number(params.n) || 10, ...(params.item ? { item_id: params.item } : {}),
    explain: true, explore: false, dry_run: true, ...more },
});
export const ask = (request, signalled) => call(request.method ?? "GET", request.target, request.body, signalled);

export const figuresOf = (trace) => new Map((trace?.items ?? []).map((each) => [each.item_id, each]));

function Search({ params }) {
  const [user, type] = useState(params.user || params.request || "");
  const [offered, offer] = useState([]);
  const system = useLoad((signalled) => get("v1/system", signalled), []);
  useEffect(() => type(params.user || params.request || ""), [params.user, params.request]);
  useEffect(() => {
    if (!user || user === params.user) return undefined;
    const control = new AbortController();
    const timer = setTimeout(() => get(`v1/users${query({ prefix: user, limit: 8 })}`, control.signal).then((page) => offer(page.items), () => {}), 150);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [user]);
  const submit = (event) => {
    event.preventDefault();
    const text = user.trim();
    const isRequest = /^[0-9A-HJKMNP-TV-Z]{26}$/.test(text);
    go("explorer", isRequest ? { request: text } : { ...params, user: text, request: "" });
  };
  return html`<form class="lookup" role="search" onSubmit=${submit}>
    <label>User or request <input type="search" list="users" value=${user} onInput=${(event) => type(event.target.value)} placeholder="user_123" autocomplete="off" spellcheck="false" /></label>
    <datalist id="users">${offered.map((each) => html`<option key=${each.user_id} value=${each.user_id} />`)}</datalist>
    <label>Surface <select value=${params.surface || "home"} onChange=${(event) => set({ surface: event.target.value })}>
      ${(system.value?.surfaces ?? [params.surface || "home"]).map((name) => html`<option key=${name} value=${name} selected=${name === (params.surface || "home")}>${name}</option>`)}</select></label>
    <label>Items <select value=${params.n || "10"} onChange=${(event) => set({ n: event.target.value === "10" ? "" : event.target.value })}>${["5", "10", "20", "50"].map((n) => html`<option key=${n} selected=${n === (params.n || "10")}>${n}</option>`)}</select></label>
    <label>Item that it is about <input type="text" value=${params.item || ""} onChange=${(event) => set({ item: event.target.value.trim() })} placeholder="for similar, cart" autocomplete="off" spellcheck="false" /></label>
    <button type="submit">Look up</button></form>`;
}

function Profile({ user, history, rung }) {
  const { properties, known, as_of: asOf, user_id: goesBy, items } = history;
  return html`<${Panel} title="Profile" request=${{ target: path`v1/users/${user}/events` }}>
    ${!known && html`<p class="behind">The log has never seen this id: it gets what strangers get.</p>`}
    <${Facts} of=${[["Goes by", html`<${Id}>${goesBy}<//>`], ...Object.entries(properties).map(([name, each]) => [name, value(each)]),
      ["Events", `${count(items.length)}${items.length >= 200 ? " or more" : ""}`], rung && ["Rung", html`<${Badge} kind=${rung === "personal" ? "good" : "mind"}>${rung}<//>`, "The step of the cold-start ladder that carries the list"],
      ["Exact at", `log position ${count(asOf)}`]]} /><//>`;
}

const said = (row) => (row.kind === "time_since" && typeof row.value === "number" ? duration(row.value) : value(row.value));
const age = (time) => (time == null ? "–" : duration((Date.now() - new Date(time)) / 1000));

function Features({ user }) {
  const body = { user_ids: [user] };
  const found = useLoad(async (signalled) => {
    const [read, views] = await Promise.all([call("POST", "v1/features:read", body, signalled), get("v1/features", signalled)]);
    const about = Object.fromEntries(views.items.map((view) => [view.name, view]));
    return Object.entries(read.users[user] ?? {}).map(([view, each]) => ({ view, ...each, ttl: about[view]?.ttl, kind: about[view]?.kind }));
  }, [user]);
  const columns = [
    { name: "view", title: "Feature" },
    { name: "value", title: "Value", number: true, show: (row) => html`<span class="clip" title=${value(row.value)}>${said(row)}</span>` },
    { name: "event_time", title: "Age", number: true, show: (row) => html`<span title=${`latest event ${stamp(row.event_time)}; worked out ${ago(row.computed_at)}, good for ${duration(row.ttl)}`}>${row.status === "present" ? age(row.event_time) : html`<${Badge} kind=${row.status === "stale" ? "mind" : ""}>${row.status}<//>`}</span>` },
  ];
  return html`<${Panel} title="Features" note="Age: since the latest event in it" request=${{ target: "v1/features:read", method: "POST", body }}><${Loaded} from=${found}>${(rows) => html`
    <${Table} columns=${columns} rows=${rows} name=${`features-${user}`} caption="Features" empty="No feature view is about users." rowKey=${(row) => row.view} />`}<//><//>`;
}

function Timeline({ history }) {
  const [shown, more] = useState(12);
  const events = history.items.slice(0, shown);
  const names = useItems(events.map((event) => event.item_id));
  if (!events.length) return html`<${Panel} title="Timeline"><${Empty} title="No event with an item yet." /><//>`;
  return html`<${Panel} title="Timeline"><ol class="timeline">${events.map((event) => html`<li key=${event.sequence}>
      <${Cover} item=${names.get(event.item_id) ?? { item_id: event.item_id }} size="small" />
      <div><${Badge} kind=${KINDS[event.type] ?? ""}>${event.type.replaceAll("_", " ")}${event.value != null ? ` ${value(event.value)}` : ""}<//>
        <${To} page="catalogue" params=${{ item: event.item_id }}>${names.get(event.item_id)?.title || event.item_id}<//></div><${When} at=${event.ts} /></li>`)}</ol>
    ${history.items.length > shown && html`<p class="foot"><span>${count(history.items.length - shown)} more</span><button type="button" class="quiet" onClick=${() => more(shown + 40)}>Show more</button></p>`}<//>`;
}

function Standing({ params }) {
  const target = `v1/cache/why${query({ user_id: params.user, surface: params.surface || "home", n: Number(params.n) || 10 })}`;
  const found = useLoad((signalled) => get(target, signalled), [target], { every: 3000 });
  const [problem, say] = useState(null);
  const clear = () => call("POST", "v1/cache:clear", { user_id: params.user }).then(() => { say(null); found.again(); }, say);
  return html`<${Panel} title="Where the list would come from" request=${{ target }} actions=${html`<button type="button" class="quiet" onClick=${clear}>Invalidate</button>`}>
    ${problem && html`<${Failed} error=${problem} />`}
    <${Loaded} from=${found}>${(now) => html`<p><${Badge} kind=${{ l1: "good", l2: "good", stale: "mind", computed: "" }[now.verdict]}>${now.verdict}<//> ${now.reason}</p>
      <${Facts} of=${[["Name in the shared tier", html`<${Id}>${now.shared_name || "–"}<//>`], ["Hard token set at", now.hard_set_by == null ? "–" : `log position ${count(now.hard_set_by)}`], ["Soft token set at", now.soft_set_by == null ? "–" : `log position ${count(now.soft_set_by)}`]]} />
      ${now.copies.map((copy) => html`<h3 key=${copy.tier}>${copy.tier === "l1" ? "In memory" : "In the shared tier"} <${Badge} kind=${{ fresh: "good", stale: "mind", gone: "bad" }[copy.state]}>${copy.state}<//></h3>
        <${Facts} of=${[["Made", `${duration(copy.age_seconds)} ago, by ${copy.model || "no model"}`], ["Fresh for", copy.fresh_for_seconds > 0 ? `${duration(copy.fresh_for_seconds)} more` : "no more"], ["Served at all for", copy.usable_for_seconds > 0 ? `${duration(copy.usable_for_seconds)} more` : "no more"],
          ["Tokens", `hard ${copy.same_hard ? "the same" : "replaced"}, soft ${copy.same_soft ? "the same" : "replaced"}, configuration and model ${copy.same_epoch ? "the same" : "changed"}`], ["Exact at", `log position ${count(copy.as_of)}`], ["Size", `${count(copy.bytes)} bytes`]]} />`)}`}<//><//>`;
}

const Marks = ({ slate }) =>
  html`<p class="marks"><${Badge} kind="mark">${slate.model || "no model"}<//> <${Badge} kind=${slate.rung === "personal" ? "good" : "mind"}>rung: ${slate.rung}<//>
    ${slate.degraded.map((each) => html`<${Badge} key=${each} kind="bad">without ${each}<//>`)} <span class="note">log position ${count(slate.as_of)}</span></p>`;

const Raw = ({ found }) => html`<pre class="raw" tabindex="0">${JSON.stringify(found, null, 2)}</pre>`;

function Now({ params, tab }) {
  const request = asked(params);
  const slate = useLoad((signalled) => ask(request, signalled), [JSON.stringify(request.body)]);
  return html`<${Panel} title=${`${params.surface || "home"} for ${params.user || "a stranger"}`} note="as it would be made now; nothing is kept of it" id="the-list" request=${request}>
    <${Loaded} from=${slate} lines=${8}>${(found) =>
      tab === "list" ? html`<${Marks} slate=${found} /><${Slate} rows=${found.items} figures=${figuresOf(found.trace)} label="The list" empty=${found.empty_because ? `The list is empty: ${found.empty_because}` : undefined} />`
      : tab === "funnel" ? html`<${Funnel} trace=${found.trace} rows=${found.items} />`
      : html`<${Raw} found=${found} />`}<//><//>`;
}

/** A list that was served, made again from the log. */
function Served({ id, tab }) {
  const target = path`v1/recommendations/${id}/explanation`;
  const found = useLoad(async (signalled) => {
    const [explanation, record] = await Promise.all([get(target, signalled), get(path`v1/recommendations/${id}`, signalled)]);
    return { explanation, record };
  }, [id]);
  return html`<${Loaded} from=${found} lines=${8}>${({ explanation, record }) => html`<div class="grid aside">
    <div class="stack"><${Panel} title="Request"><${Facts} of=${[["Id", html`<${Id}>${id}<//>`], ["For", html`<${To} page="explorer" params=${{ user: record.user_id, surface: record.surface }}>${record.user_id || "a stranger"}<//>`], ["Surface", record.surface],
        ["Served", html`<${When} at=${record.served_at} />`], ["From", record.served_from], ["Model", record.model || "–"], ["Arm", record.arm || "none"], ["Rung", record.rung], ["Drawn by chance", record.explored], ["Exact at", `log position ${count(record.as_of)}`],
        record.degraded.length && ["Without", record.degraded.join(", ")], ["Made again", explanation.matches ? html`<${Badge} kind="good">the same list<//>` : html`<${Badge} kind="bad">another list<//>`]]} /><//></div>
    <${Panel} title="The list that was served" id="the-list" request=${{ target }}>
      <${Tabs} tabs=${[TABS[0], TABS[1], TABS[5]]} chosen=${tab} choose=${(name) => set({ tab: name === "list" ? "" : name })} label="Views of the list" />
      ${tab === "list" ? html`<${Slate} rows=${explanation.items.length ? explanation.items : explanation.served.map((each) => ({ item_id: each }))} figures=${figuresOf(explanation.trace)} label="The list" />`
        : tab === "funnel" ? html`<${Funnel} trace=${explanation.trace} rows=${explanation.items} />` : html`<${Raw} found=${{ record, explanation }} />`}<//></div>`}<//>`;
}

function Someone({ params, tab }) {
  const history = useLoad((signalled) => get(`${path`v1/users/${params.user}/events`}?limit=200`, signalled), [params.user], { every: 10_000 });
  const rung = useLoad((signalled) => ask(asked(params, { explain: false, n: 1 }), signalled), [params.user, params.surface, params.item]);
  return html`<div class="grid aside">
    <div class="stack"><${Loaded} from=${history} lines=${5}>${(found) => html`<${Profile} user=${params.user} history=${found} rung=${rung.value?.rung} /><${Timeline} history=${found} />`}<//><${Features} user=${params.user} /></div>
    <div><${Tabs} tabs=${TABS} chosen=${tab} choose=${(name) => set({ tab: name === "list" ? "" : name })} label="Views of the list" />
      ${tab === "compare" ? html`<${Compare} params=${params} />` : tab === "whatif" ? html`<${WhatIf} params=${params} />` : tab === "cache" ? html`<${Standing} params=${params} />` : html`<${Now} params=${params} tab=${tab} />`}</div></div>`;
}

function Some() {
  const found = useLoad((signalled) => get("v1/users?limit=12", signalled), []);
  return html`<${Panel} title="Somebody to begin with"><${Loaded} from=${found}>${(page) => page.items.length
    ? html`<ul class="people">${page.items.map((user) => html`<li key=${user.user_id}><${To} page="explorer" params=${{ user: user.user_id }}>${user.user_id}<//><span class="note">${value(user.properties)}</span></li>`)}</ul>`
    : html`<${Empty} title="No user is known yet."><p>Any id can be looked up all the same: it gets what strangers get.</p><//>`}<//><//>`;
}

export function Explorer({ params }) {
  const tab = TABS.some(([name]) => name === params.tab) ? params.tab : "list";
  return html`<${Search} params=${params} />
    ${params.request ? html`<${Served} id=${params.request} tab=${["funnel", "raw"].includes(tab) ? tab : "list"} />` : params.user ? html`<${Someone} params=${params} tab=${tab} key=${params.user} />` : html`<${Some} />`}`;
}
