// Rules of the shop: what is in force, a rule before it is made, what became of one.

import { html, useState } from "./preact.js";
import { call, get, path, useLoad } from "./api.js";
import { count, stamp } from "./format.js";
import { Badge, Failed, Loaded, Panel, Table, To, When } from "./parts.js";
import { Slate, moves } from "./slate.js";
import { set } from "./state.js";

const KINDS = [["filter", "show only"], ["boost", "boost"], ["bury", "bury"], ["pin", "pin an item"], ["promote", "promote a share"]];
const NEEDS = { filter: ["where"], boost: ["where", "factor"], bury: ["where", "factor"], promote: ["where", "percent"], pin: ["item_id", "slot"] };
const NUMBERS = new Set(["factor", "percent", "slot", "revision"]);
const WORDS = { where: 'Condition, such as "Lamps" in item.categories', factor: "Factor (boost above 1, bury below)", percent: "Per cent of the list", item_id: "Item", slot: "Place in the list" };

const what = (rule) => ({ filter: `only ${rule.where}`, boost: `× ${rule.factor} where ${rule.where}`, bury: `× ${rule.factor} where ${rule.where}`, pin: `${rule.item_id} at ${rule.slot}`, promote: `${rule.percent} % where ${rule.where}` })[rule.kind];

/** The rule as the API takes it: only what its kind needs, numbers as numbers. */
function bodyOf(draft) {
  const kept = ["kind", "surface", "owner", "note", "starts_at", "ends_at", ...NEEDS[draft.kind], ...(draft.kind === "pin" && draft.where ? ["where"] : [])];
  const found = Object.fromEntries(kept.filter((name) => draft[name] !== "" && draft[name] != null).map((name) => [name, NUMBERS.has(name) ? Number(draft[name]) : draft[name]]));
  return { ...found, enabled: draft.enabled, ...(draft.revision ? { revision: draft.revision } : {}) };
}

function Preview({ found }) {
  return html`<p class="verdict"><b>${count(found.matches)}</b> of ${count(found.items)} items meet the condition.</p>
    ${found.warnings.map((each) => html`<p key=${each} class="behind">${each}</p>`)}
    ${found.users.map((user) => {
      const [before, after] = [user.before.map(idOf), user.after.map(idOf)];
      return html`<div class="pair" key=${user.user_id}><div><h3><${To} page="explorer" params=${{ user: user.user_id }}>${user.user_id}<//> <span class="note">as it is</span></h3><${Slate} rows=${before.map((item_id) => ({ item_id }))} dense label=${`${user.user_id} as it is`} /></div>
        <div><h3>${user.user_id} <span class="note">with the rule</span></h3><${Slate} rows=${after.map((item_id) => ({ item_id }))} moved=${moves(before, after)} dense label=${`${user.user_id} with the rule`} /></div></div>`;
    })}`;
}
const idOf = (each) => (typeof each === "string" ? each : each.item_id);

function Editor({ rule, names, surfaces, done }) {
  const [draft, change] = useState({ name: "", kind: "boost", surface: "*", where: "", factor: "1.5", percent: "", item_id: "", slot: "1", owner: "", note: "", starts_at: "", ends_at: "", enabled: true, revision: 0, ...Object.fromEntries(Object.entries(rule ?? {}).filter(([, each]) => each !== null)) });
  const [preview, see] = useState(null);
  const [problem, say] = useState(null);
  const put = (name) => (event) => change({ ...draft, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value });
  const attempt = async (work) => {
    try {
      say(null);
      await work();
    } catch (error) {
      say(error);
    }
  };
  const look = () => attempt(async () => see(await call("POST", "v1/rules:preview", { rule: { ...bodyOf(draft), revision: 0, name: draft.name || "preview" }, n: 10 })));
  const save = (event) => {
    event.preventDefault();
    attempt(async () => {
      await call("PUT", path`v1/rules/${draft.name}`, bodyOf(draft));
      done(draft.name);
    });
  };
  const remove = () => attempt(async () => {
    await call("DELETE", path`v1/rules/${draft.name}`);
    done("");
  });
  const field = (name) => html`<label key=${name}>${WORDS[name]} <input type=${NUMBERS.has(name) ? "number" : "text"} step="any" value=${draft[name]} onInput=${put(name)} spellcheck="false" autocomplete="off" required /></label>`;
  return html`<${Panel} title=${rule ? `Rule ${rule.name}` : "A new rule"} id="the-rule" wide actions=${html`<button type="button" class="quiet" onClick=${() => set({ rule: undefined, tab: "rules" })}>Close</button>`}>
    <form class="rule" onSubmit=${save}>
      <label>Name <input value=${draft.name} onInput=${put("name")} readonly=${Boolean(rule)} pattern="[a-z][a-z0-9_\\-]{0,63}" required autocomplete="off" spellcheck="false" list=${rule ? undefined : "rule-names"} /></label>
      <datalist id="rule-names">${names.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
      <label>What it does <select onChange=${put("kind")}>${KINDS.map(([name, title]) => html`<option key=${name} value=${name} selected=${name === draft.kind}>${title}</option>`)}</select></label>
      <label>Where <select onChange=${put("surface")}><option value="*" selected=${draft.surface === "*"}>all surfaces</option>${surfaces.map((name) => html`<option key=${name} value=${name} selected=${name === draft.surface}>${name}</option>`)}</select></label>
      ${NEEDS[draft.kind].map(field)}
      <label>Begins (UTC, empty: now) <input value=${draft.starts_at} onInput=${put("starts_at")} placeholder="2026-12-01T00:00:00Z" autocomplete="off" /></label>
      <label>Ends (empty: never) <input value=${draft.ends_at} onInput=${put("ends_at")} placeholder="2026-12-27T00:00:00Z" autocomplete="off" /></label>
      <label>Who answers for it <input value=${draft.owner} onInput=${put("owner")} autocomplete="off" /></label>
      <label>Why it is there <input value=${draft.note} onInput=${put("note")} autocomplete="off" /></label>
      <label class="inline"><input type="checkbox" checked=${draft.enabled} onChange=${put("enabled")} /> may be in force</label>
      <p class="buttons"><button type="button" class="quiet" onClick=${look}>Preview</button><button type="submit">${rule ? "Change it" : "Make it"}</button>${rule && html`<button type="button" class="danger" onClick=${remove}>Remove</button>`}</p>
    </form>
    ${problem && html`<${Failed} error=${problem} />`}
    ${preview && html`<${Preview} found=${preview} />`}<//>`;
}

function History({ name }) {
  const found = useLoad((signalled) => get(path`v1/rules/${name}/history`, signalled), [name]);
  return html`<${Panel} title="What became of it" request=${{ target: path`v1/rules/${name}/history` }} wide><${Loaded} from=${found}>${(page) => html`<${Table} name=${`history-${name}`} caption="History" rows=${page.items} rowKey=${(row) => row.revision}
    columns=${[{ name: "revision", title: "Revision", number: true }, { name: "changed_at", title: "When", show: (row) => html`<span>${stamp(row.changed_at)}</span>` }, { name: "changed_by", title: "By" }, { name: "rule", title: "It became", value: (row) => (row.rule ? what(row.rule) : "removed") }]} />`}<//><//>`;
}

export function Rules({ chosen }) {
  const found = useLoad(async (signalled) => {
    const [rules, system] = await Promise.all([get("v1/rules", signalled), get("v1/system", signalled)]);
    return { rules: rules.items, surfaces: system.surfaces };
  }, [], { every: 10_000 });
  const columns = [
    { name: "name", title: "Rule", show: (row) => html`<${To} page="catalogue" params=${{ tab: "rules", rule: row.name }}>${row.name}<//>` },
    { name: "active", title: "State", value: (row) => row.active, show: (row) => html`<${Badge} kind=${row.active ? "good" : ""}>${row.active ? "in force" : row.enabled ? "not now" : "off"}<//>` },
    { name: "kind", title: "Kind" },
    { name: "surface", title: "Where", show: (row) => (row.surface === "*" ? "all surfaces" : row.surface) },
    { name: "what", title: "What", value: what, show: (row) => html`<code>${what(row)}</code>` },
    { name: "ends_at", title: "Until", show: (row) => html`<${When} at=${row.ends_at} />` },
    { name: "owner", title: "Owner" },
    { name: "warnings", title: "Warnings", unseen: true, value: (row) => row.warnings.join(" "), show: (row) => row.warnings.map((each) => html`<${Badge} key=${each} kind="mind" title=${each}>look<//>`) },
  ];
  const done = (name) => {
    found.again();
    set({ tab: "rules", rule: name || undefined });
  };
  return html`<${Loaded} from=${found}>${({ rules, surfaces }) => {
    const one = rules.find((rule) => rule.name === chosen);
    return html`<div class="stack">
      ${chosen !== undefined && (one || chosen === "new") && html`<${Editor} rule=${one} names=${rules.map((rule) => rule.name)} surfaces=${surfaces} done=${done} key=${`${chosen} ${one?.revision}`} />`}
      ${one && html`<${History} name=${one.name} key=${`${one.name} ${one.revision}`} />`}
      <${Panel} title="Rules" request=${{ target: "v1/rules" }} actions=${html`<button type="button" onClick=${() => set({ rule: "new", tab: "rules" })}>New rule</button>`}>
        <${Table} columns=${columns} rows=${rules} name="rules" caption="Rules" empty="No rule: lists are as models and recipes make them." rowKey=${(row) => row.name} pick=${(row) => row.name === chosen} /><//></div>`;
  }}<//>`;
}
