// Experiments: what is asked, who takes part, what each arm changes, and every step with who took it and why.

import { html, useState } from "./preact.js";
import { call, get, path, useLoad } from "./api.js";
import { count, decimal, percent, stamp, value } from "./format.js";
import { Badge, Bar, Dialog, Facts, Failed, Id, Loaded, Panel, Table, To, When } from "./parts.js";
import { Results } from "./results.js";
import { go, set } from "./state.js";

const STATES = { draft: "", running: "good", stopped: "mark" };
const COLOURS = ["one", "two", "three", "four"];

/** What an arm changes, key by key. */
export const diff = (changes, before = "") =>
  Object.entries(changes).flatMap(([name, each]) => (each && typeof each === "object" && !Array.isArray(each) ? diff(each, `${before}${name}.`) : [[`${before}${name}`, value(each)]]));

/** The shares of the arms as one bar; the legend says the same in words. */
function Shares({ arms }) {
  let at = 0;
  return html`<svg class="shares" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${arms.map((arm, index) => {
    const part = html`<rect key=${arm.name} x=${at * 100} width=${Math.max(0, arm.weight * 100 - 0.4)} height="6" class=${`fill-${COLOURS[index % COLOURS.length]}`} />`;
    at += arm.weight;
    return part;
  })}</svg>`;
}

function Arms({ experiment }) {
  const columns = [
    { name: "name", title: "Arm", show: (row) => html`${row.name}${row.name === experiment.arms[0].name ? html` <${Badge}>control<//>` : ""}` },
    { name: "weight", title: "Share", number: true, show: (row) => percent(row.weight, 1) },
    { name: "changes", title: "Changes", value: (row) => JSON.stringify(row.changes ?? {}), show: (row) => {
      const found = diff(row.changes ?? {});
      return found.length ? html`<ul class="diff">${found.map(([name, each]) => html`<li key=${name}><code>${name}</code> → <b>${each}</b></li>`)}</ul>` : html`<span class="note">nothing: the surface as it is</span>`;
    } },
  ];
  return html`<${Panel} title="Arms"><${Shares} arms=${experiment.arms} /><${Table} columns=${columns} rows=${experiment.arms} name=${`arms-${experiment.name}`} caption="Arms" rowKey=${(row) => row.name} /><//>`;
}

const acts = (experiment) => ({
  start: { title: "Start it", effects: [`From now on ${percent(experiment.coverage)} of the ${experiment.unit}s on ${experiment.surface} are put into arms by their ids.`, "Arms, weights and goals stay as they are until a new phase: what is planned now is what is tested."], ask: "why", body: (given) => ({ why: given }) },
  ramp: { title: "Change the coverage", effects: ["More take part; nobody changes the arm.", `Now it is ${percent(experiment.coverage)}.`], ask: "coverage, 0 to 1", body: (given) => ({ coverage: Number(given) }), initial: String(experiment.coverage) },
  stop: { title: "Stop it", danger: true, effects: ["Everybody gets the surface as it is.", "What was seen stays; it cannot be started again."], ask: "verdict", body: (given) => ({ verdict: given }) },
});

function Act({ name, verb, act, close, done }) {
  const [given, type] = useState(act.initial ?? "");
  const [problem, say] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    try {
      await call("POST", `${path`v1/experiments/${name}`}:${verb}`, { by: "dashboard", ...act.body(given) });
      done();
      close();
    } catch (error) {
      say(error);
    }
  };
  return html`<${Dialog} title=${act.title} close=${close}><form onSubmit=${submit}><ul class="effects">${act.effects.map((each) => html`<li key=${each}>${each}</li>`)}</ul>
    <label>${act.ask} <input value=${given} onInput=${(event) => type(event.target.value)} autocomplete="off" required=${verb === "ramp"} /></label>
    ${problem && html`<${Failed} error=${problem} />`}
    <p class="buttons"><button type="submit" class=${act.danger ? "danger" : ""}>${act.title}</button><button type="button" class="quiet" onClick=${close}>Leave it</button></p></form><//>`;
}

function Assignment({ experiment }) {
  const [text, type] = useState("");
  const [unit, look] = useState("");
  const target = path`v1/experiments/${experiment.name}/assignments/${unit}`;
  const found = useLoad((signalled) => (unit ? get(target, signalled) : Promise.resolve(null)), [target]);
  return html`<${Panel} title="Who gets what" request=${unit ? { target } : undefined}>
    <form class="lookup" onSubmit=${(event) => { event.preventDefault(); look(text.trim()); }}><label>${experiment.unit} <input value=${text} onInput=${(event) => type(event.target.value)} placeholder="user_123" autocomplete="off" spellcheck="false" required /></label><button type="submit" class="quiet">Look</button></form>
    ${unit && html`<${Loaded} from=${found}>${(each) => each && html`<${Facts} of=${Object.entries(each).filter(([name]) => !["experiment"].includes(name)).map(([name, one]) => [name.replaceAll("_", " "), value(one)])} />`}<//>`}<//>`;
}

function History({ name, revision }) {
  const target = path`v1/experiments/${name}/history`;
  const found = useLoad((signalled) => get(target, signalled), [name, revision]);
  const columns = [
    { name: "changed_at", title: "When", show: (row) => html`<span>${stamp(row.changed_at)}</span>` }, { name: "change", title: "What" }, { name: "changed_by", title: "By" }, { name: "why", title: "Why" },
    { name: "phase", title: "Phase", number: true, value: (row) => row.experiment.phase }, { name: "coverage", title: "Coverage", number: true, value: (row) => row.experiment.coverage, show: (row) => percent(row.experiment.coverage) },
  ];
  return html`<${Panel} title="What became of it" request=${{ target }} wide><${Loaded} from=${found}>${(page) => html`<${Table} columns=${columns} rows=${page.items} name=${`history-${name}`} caption="History" />`}<//><//>`;
}

function One({ name, again }) {
  const target = path`v1/experiments/${name}`;
  const found = useLoad((signalled) => get(target, signalled), [name], { every: 5000 });
  const [verb, plan] = useState("");
  return html`<${Loaded} from=${found} lines=${6}>${(experiment) => html`<div class="grid">
    <${Panel} title=${experiment.name} id="the-experiment" request=${{ target }} actions=${html`
        ${experiment.state === "draft" && html`<button type="button" onClick=${() => plan("start")}>Start</button>`}
        ${experiment.state === "running" && html`<button type="button" class="quiet" onClick=${() => plan("ramp")}>Coverage</button><button type="button" class="quiet" onClick=${() => plan("stop")}>Stop</button>`}
        <button type="button" class="quiet" onClick=${() => set({ name: "" })}>All experiments</button>`}>
      <p class="marks"><${Badge} kind=${STATES[experiment.state]}>${experiment.state}<//><${Badge}>${experiment.kind}<//>${experiment.phase > 0 && html`<span class="note">phase ${experiment.phase}</span>`}</p>
      ${experiment.hypothesis && html`<p class="verdict">${experiment.hypothesis}</p>`}
      ${experiment.verdict && html`<p class="verdict"><b>Verdict:</b> ${experiment.verdict}</p>`}
      ${experiment.warnings.map((each) => html`<p key=${each} class="behind">${each}</p>`)}
      <${Facts} of=${[["Surface", experiment.surface], ["Unit", experiment.unit], ["Coverage", html`<${Bar} share=${experiment.coverage}>${percent(experiment.coverage)}<//>`], ["Goals", experiment.goals.join(", ") || "none"], ["Guardrails", experiment.guardrails.map((each) => `${each.metric} (at most −${percent(each.margin ?? 0, 1)})`).join(", ") || "none"],
        ["Planned", `${count(experiment.planned_units)} units, at least ${experiment.min_days} days, α ${decimal(experiment.alpha, 3)}`], experiment.targeting && ["Only where", html`<code>${experiment.targeting}</code>`], experiment.layer && ["Layer", `${experiment.layer}, ${experiment.range.map((each) => decimal(each, 2)).join(" to ")}`],
        experiment.holdout && ["Holdout", "its control arm is in no other experiment"], ["Seed", html`<${Id}>${experiment.seed || experiment.name}<//>`], ["Owner", experiment.owner || "–"], ["Started", html`<${When} at=${experiment.started_at} />`], experiment.stopped_at && ["Stopped", html`<${When} at=${experiment.stopped_at} />`]]} /><//>
    <div class="stack"><${Arms} experiment=${experiment} />${experiment.state !== "draft" && html`<${Assignment} experiment=${experiment} />`}</div>
    ${experiment.state !== "draft" && experiment.kind === "ab" && html`<${Results} experiment=${experiment} />`}
    <${History} name=${name} revision=${experiment.revision} /></div>
    ${verb && html`<${Act} name=${name} verb=${verb} act=${acts(experiment)[verb]} close=${() => plan("")} done=${() => { found.again(); again(); }} />`}`}<//>`;
}

const words = (text) => text.split(",").map((each) => each.trim()).filter(Boolean);

function Create({ surfaces, close, done }) {
  const [draft, change] = useState({ name: "", hypothesis: "", surface: "home", coverage: "0.1", goals: "ctr", arm: "treatment", share: "0.5", changes: '{"max_per_category": 1}', planned_units: "10000", min_days: "7", owner: "" });
  const [checked, see] = useState(null);
  const [problem, say] = useState(null);
  const put = (name) => (event) => change({ ...draft, [name]: event.target.value });
  const field = (name, title, more = {}) => html`<label key=${name}>${title} <input value=${draft[name]} onInput=${put(name)} autocomplete="off" spellcheck="false" ...${more} /></label>`;
  const body = () => {
    const share = Number(draft.share);
    return { name: draft.name, hypothesis: draft.hypothesis, surface: draft.surface, coverage: Number(draft.coverage), goals: words(draft.goals), planned_units: Number(draft.planned_units), min_days: Number(draft.min_days), owner: draft.owner,
      arms: [{ name: "control", weight: Number((1 - share).toFixed(6)) }, { name: draft.arm, weight: share, changes: JSON.parse(draft.changes || "{}") }], by: "dashboard" };
  };
  const attempt = async (work) => {
    try {
      say(null);
      await work();
    } catch (error) {
      see(null);
      say(error instanceof SyntaxError ? { message: `The changes are no JSON object: ${error.message}`, code: "changes" } : error);
    }
  };
  const check = () => attempt(async () => see(await call("POST", "v1/experiments:check", body())));
  const create = (event) => {
    event.preventDefault();
    attempt(async () => {
      await call("POST", "v1/experiments", body());
      done(draft.name);
    });
  };
  return html`<${Panel} title="A new experiment" id="new-experiment" wide actions=${html`<button type="button" class="quiet" onClick=${close}>Close</button>`}>
    <form class="rule" onSubmit=${create}>${field("name", "Name", { required: true })}${field("hypothesis", "What is believed")}
      <label>Surface <select onChange=${put("surface")}>${surfaces.map((name) => html`<option key=${name} value=${name} selected=${name === draft.surface}>${name}</option>`)}</select></label>
      ${field("arm", "Name of the treatment", { required: true })}${field("share", "Its share", { type: "number", min: 0.01, max: 0.99, step: "any" })}${field("changes", "What it changes, as JSON", { required: true })}
      ${field("coverage", "Share of units that take part", { type: "number", min: 0, max: 1, step: "any" })}${field("goals", "Goals, with commas between")}${field("planned_units", "Planned units", { type: "number", min: 1 })}${field("min_days", "Days at least", { type: "number", min: 0 })}${field("owner", "Who answers for it")}
      <p class="buttons"><button type="button" class="quiet" onClick=${check}>Check</button><button type="submit">Create the draft</button></p></form>
    ${problem && html`<${Failed} error=${problem} />`}
    ${checked && html`<p class="marks" role="status"><${Badge} kind=${checked.warnings.length ? "mind" : "good"}>${checked.warnings.length ? "it can be created; look at this first" : "nothing speaks against it"}<//></p>${checked.warnings.map((each) => html`<p key=${each} class="behind">${each}</p>`)}`}<//>`;
}

export function Experiments({ params }) {
  const found = useLoad(async (signalled) => {
    const [page, system] = await Promise.all([get("v1/experiments", signalled), get("v1/system", signalled)]);
    return { experiments: page.items, surfaces: system.surfaces };
  }, [], { every: 10_000 });
  const columns = [
    { name: "name", title: "Experiment", show: (row) => html`<${To} page="experiments" params=${{ name: row.name }}>${row.name}<//>` },
    { name: "state", title: "State", show: (row) => html`<${Badge} kind=${STATES[row.state]}>${row.state}<//>` },
    { name: "kind", title: "Kind" }, { name: "surface", title: "Surface" },
    { name: "arms", title: "Arms", value: (row) => row.arms.map((arm) => arm.name).join(" · ") },
    { name: "coverage", title: "Coverage", number: true, show: (row) => percent(row.coverage) },
    { name: "started_at", title: "Started", show: (row) => html`<${When} at=${row.started_at} />` },
    { name: "owner", title: "Owner" }, { name: "verdict", title: "Verdict" },
  ];
  return html`<${Loaded} from=${found}>${({ experiments, surfaces }) => html`<div class="stack">
    ${params.new && html`<${Create} surfaces=${surfaces} close=${() => set({ new: "" })} done=${(name) => { found.again(); go("experiments", { name }); }} />`}
    ${params.name && html`<${One} name=${params.name} again=${found.again} key=${params.name} />`}
    <${Panel} title="Experiments" id="all-experiments" request=${{ target: "v1/experiments" }} actions=${html`<button type="button" onClick=${() => set({ new: "1", name: "" })}>New experiment</button>`}>
      <${Table} columns=${columns} rows=${experiments} name="experiments" caption="Experiments" empty="No experiment yet: everybody gets the surfaces as they are." rowKey=${(row) => row.name} pick=${(row) => row.name === params.name} /><//></div>`}<//>`;
}
