// Two ways to ask "and if": another model beside this one, and a list of a user that did something else or on a surface that is
// made otherwise. Nothing of it is kept.

import { html, useEffect, useState } from "./preact.js";
import { all, get, query, useLoad } from "./api.js";
import { asked, ask, figuresOf } from "./explorer.js";
import { percent } from "./format.js";
import { useItems } from "./items.js";
import { Badge, Copies, Failed, Id, Loaded, Panel } from "./parts.js";
import { Slate, moves, overlap } from "./slate.js";
import { set } from "./state.js";

const ids = (slate) => slate.items.map((item) => item.item_id);

function useModels() {
  const found = useLoad(async (signalled) => {
    const [versions, aliases] = await Promise.all([all("v1/models", 200, signalled), get("v1/aliases", signalled)]);
    return [...aliases.items.map((each) => [each.alias, `${each.alias} (${each.model}@${each.version})`]), ...versions.map((each) => [`${each.model}@${each.version}`, `${each.model}@${each.version}`])];
  }, []);
  return found.value ?? [];
}

const Model = ({ label, models, value, none, change }) =>
  html`<label>${label} <select onChange=${(event) => change(event.target.value)}>${none && html`<option value="" selected=${!value}>${none}</option>`}
    ${value && !models.some(([name]) => name === value) ? html`<option value=${value} selected>${value}</option>` : ""}
    ${models.map(([name, title]) => html`<option key=${name} value=${name} selected=${name === value}>${title}</option>`)}</select></label>`;

export function Compare({ params }) {
  const models = useModels();
  const [one, other] = [params.a || "", params.b || models.find(([name]) => name.startsWith("popular@"))?.[0] || ""];
  const requests = [asked(params, one ? { model: one } : {}), asked(params, other ? { model: other } : {})];
  const found = useLoad((signalled) => Promise.all(requests.map((request) => ask(request, signalled))), [JSON.stringify(requests.map((request) => request.body))]);
  return html`<${Panel} title="Two models on the same user" id="the-list">
    <div class="lookup"><${Model} label="This one" models=${models} value=${one} none="the surface's own" change=${(a) => set({ a })} /><${Model} label="Beside that one" models=${models} value=${other} none="the surface's own" change=${(b) => set({ b })} /></div>
    <${Loaded} from=${found} lines=${8}>${([left, right]) => {
      const { common, alike } = overlap(ids(left), ids(right));
      return html`<p class="verdict"><b>${percent(common)}</b> of the items are in both lists; the orders are <b>${percent(alike)}</b> alike, the top counting most.</p>
        <div class="pair">${[[left, right, requests[0]], [right, left, requests[1]]].map(([mine, theirs, request], index) => html`<div key=${index}><h3>${mine.model || "no model"} <${Copies} request=${request} /></h3>
          <${Slate} rows=${mine.items} moved=${index ? moves(ids(theirs), ids(mine)) : undefined} dense label=${`The list of ${mine.model}`} /></div>`)}</div>`;
    }}<//><//>`;
}

/** Events as they stand in the address: type:item, one after another. */
const readEvents = (text) => (text || "").split(",").filter(Boolean).map((each) => {
  const [type, ...item] = each.split(":");
  return { type: decodeURIComponent(type), item_id: decodeURIComponent(item.join(":")) };
});
const written = (events) => events.map((each) => `${encodeURIComponent(each.type)}:${encodeURIComponent(each.item_id)}`).join(",");

const TYPES = ["purchase", "add_to_cart", "wishlist_add", "click", "view", "rating", "hide", "dislike"];

function recipeOf(text) {
  if (!text) return { recipe: undefined };
  try {
    const found = JSON.parse(text);
    if (found === null || typeof found !== "object" || Array.isArray(found)) throw new Error("it is no object");
    return { recipe: found };
  } catch (error) {
    return { fault: `This is no JSON object: ${error.message}` };
  }
}

export function WhatIf({ params }) {
  const models = useModels();
  const events = readEvents(params.events);
  const [draft, change] = useState({ type: "purchase", item_id: "" });
  const [offered, offer] = useState([]);
  const [text, type] = useState(params.recipe || "");
  useEffect(() => {
    if (!draft.item_id) return undefined;
    const control = new AbortController();
    const timer = setTimeout(() => get(`v1/items${query({ prefix: draft.item_id, limit: 8 })}`, control.signal).then((page) => offer(page.items), () => {}), 150);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [draft.item_id]);
  const { recipe, fault } = recipeOf(params.recipe);
  const tried = { ...(events.length ? { events: events.map((each) => ({ ...each, user_id: params.user, ...(each.type === "rating" ? { value: 5 } : {}) })) } : {}), ...(params.with ? { model: params.with } : {}), ...(recipe ? { recipe } : {}) };
  const [usual, changed] = [asked(params), asked(params, tried)];
  const found = useLoad((signalled) => Promise.all([ask(usual, signalled), fault ? null : ask(changed, signalled)]), [JSON.stringify(changed.body), fault]);
  const names = useItems(events.map((each) => each.item_id));
  const add = (event) => {
    event.preventDefault();
    if (!draft.item_id.trim()) return;
    set({ events: written([...events, { ...draft, item_id: draft.item_id.trim() }]) });
    change({ ...draft, item_id: "" });
  };
  return html`<${Panel} title="What if …" id="the-list" note="the list moves; nothing is kept of it" request=${changed}>
    <div class="tries">
      <form class="lookup" onSubmit=${add}><label>… they did this <select value=${draft.type} onChange=${(event) => change({ ...draft, type: event.target.value })}>${TYPES.map((each) => html`<option key=${each} value=${each} selected=${each === draft.type}>${each.replaceAll("_", " ")}</option>`)}</select></label>
        <label>with this item <input type="text" list="some-items" value=${draft.item_id} onInput=${(event) => change({ ...draft, item_id: event.target.value })} placeholder="item id" autocomplete="off" spellcheck="false" /></label>
        <datalist id="some-items">${offered.map((item) => html`<option key=${item.item_id} value=${item.item_id}>${item.title}</option>`)}</datalist><button type="submit" class="quiet">Add</button></form>
      ${events.length > 0 && html`<ul class="chips">${events.map((each, index) => html`<li key=${index}><${Badge} kind="mark">${each.type.replaceAll("_", " ")}<//> ${names.get(each.item_id)?.title || each.item_id}
        <button type="button" class="quiet" aria-label=${`Take back: ${each.type} ${each.item_id}`} onClick=${() => set({ events: written(events.filter((_, n) => n !== index)) })}>×</button></li>`)}</ul>`}
      <div class="lookup"><${Model} label="… this model scored" models=${models} value=${params.with || ""} none="the surface's own" change=${(name) => set({ with: name })} /></div>
      <form onSubmit=${(event) => { event.preventDefault(); set({ recipe: text.trim() }); }}><label>… the surface were made otherwise: its fields as JSON
        <textarea rows="3" spellcheck="false" value=${text} onInput=${(event) => type(event.target.value)} placeholder='{"max_per_category": 1, "diversity": {"method": "mmr"}}'></textarea></label>
        <p class="buttons"><button type="submit" class="quiet">Try it</button>${[['{"max_per_category": 1}', "one per category"], ['{"max_per_category": 0}', "no cap"], ['{"exclude": []}', "bought items too"], ['{"recipe": "popular"}', "only popular"]].map(([given, title]) => html`<button key=${title} type="button" class="quiet" onClick=${() => { type(given); set({ recipe: given }); }}>${title}</button>`)}
          ${(params.recipe || params.events || params.with) && html`<button type="button" class="quiet" onClick=${() => { type(""); set({ recipe: "", events: "", with: "" }); }}>Start again</button>`}</p></form>
      ${fault && html`<${Failed} error=${{ message: fault, code: "recipe" }} />`}
    </div>
    <${Loaded} from=${found} lines=${8}>${([before, after]) => after && html`<p class="verdict">${Object.keys(tried).length ? html`<b>${percent(overlap(ids(before), ids(after)).common)}</b> of the items stay; arrows say how far they moved.` : "As it is. Add something above."} <${Badge} kind="mark">${after.model || "no model"}<//></p>
      <${Slate} rows=${after.items} moved=${moves(ids(before), ids(after))} figures=${figuresOf(after.trace)} label="The list as it would be" />
      ${before.items.some((item) => !ids(after).includes(item.item_id)) && html`<p class="note">No longer there: ${before.items.filter((item) => !ids(after).includes(item.item_id)).map((item, index) => html`${index ? ", " : ""}<${Id} key=${item.item_id}>${item.item_id}<//>`)}</p>`}`}<//><//>`;
}
