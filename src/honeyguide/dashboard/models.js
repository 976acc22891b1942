// Versions: what each was made of, how good it is beside the one that serves, and what serves under which name.

import { html, useState } from "./preact.js";
import { all, call, get, path, useLoad } from "./api.js";
import { Chart, Plot, colour } from "./charts.js";
import { count, decimal, duration, isNumber, stamp, value } from "./format.js";
import { Badge, Dialog, Empty, Facts, Failed, Id, Loaded, Panel, Table, To, When } from "./parts.js";
import { set } from "./state.js";

const label = (version) => `${version.model}@${version.version}`;
const METRICS = [["served_ndcg@20", "nDCG@20 as served"], ["ndcg@20", "nDCG@20"], ["recall@20", "recall@20"], ["coverage", "coverage"], ["diversity", "diversity"], ["novelty", "novelty"], ["popularity_lift", "popularity lift"]];

/** A metric; what is counted has no decimals. */
const figure = (found, like = found) => (Number.isInteger(like) && Math.abs(like) > 1 ? count(found) : decimal(found, 4));

/** Metrics that any of these versions has, the usual ones first. */
function metricsOf(versions) {
  const there = new Set(versions.flatMap((version) => Object.entries(version.metrics).filter(([, each]) => isNumber(each)).map(([name]) => name)));
  const first = METRICS.filter(([name]) => there.has(name));
  return [...first, ...[...there].filter((name) => !METRICS.some(([known]) => known === name)).sort().map((name) => [name, name.replaceAll("_", " ")])];
}

/** What a promotion or a way back does, said before it is done. */
function Confirm({ act, close, done }) {
  const [problem, say] = useState(null);
  const [anyway, force] = useState(false);
  const [busy, work] = useState(false);
  const confirm = async () => {
    work(true);
    try {
      await act.run(anyway);
      done();
      close();
    } catch (error) {
      say(error);
      work(false);
    }
  };
  return html`<${Dialog} title=${act.title} close=${close}><ul class="effects">${act.effects.map((each) => html`<li key=${each}>${each}</li>`)}</ul>
    ${problem && html`<${Failed} error=${problem} />`}
    ${problem?.status === 409 && act.forced && html`<label class="inline"><input type="checkbox" checked=${anyway} onChange=${(event) => force(event.target.checked)} /> Do it anyway</label>`}
    <p class="buttons"><button type="button" class=${act.danger ? "danger" : ""} onClick=${confirm} disabled=${busy}>${act.title}</button><button type="button" class="quiet" onClick=${close}>Leave it</button></p><//>`;
}

const promote = (version, alias, now) => ({
  title: alias === "champion" ? `Promote ${label(version)}` : `Make ${label(version)} ${alias}`, forced: true,
  effects: [`The alias ${alias} points at ${label(version)}${now ? ` instead of ${now}` : ""}.`,
    ...(alias === "champion" ? ["Lists are made by it from now on, here at once and on other nodes within moments; kept lists of the old version are served once more at most.", "The version is loaded first: a damaged one changes nothing.", now ? `The way back is one click: ${now} is remembered.` : "There is no version to go back to."]
      : ["What serves does not change. Surfaces or requests that name this alias use the version."])],
  run: (anyway) => call("PUT", path`v1/aliases/${alias}`, { model: version.model, version: version.version, ...(anyway ? { anyway } : {}) }),
});

const rollBack = (alias) => ({
  title: `Roll back ${alias}`, danger: true,
  effects: [`The alias ${alias} points at the version before.`, "Lists are made by that one from now on."],
  run: () => call("POST", `${path`v1/aliases/${alias}`}:rollback`),
});

function Aliases({ aliases, act }) {
  const columns = [
    { name: "alias", title: "Alias", show: (row) => html`<${Badge} kind=${row.alias === "champion" ? "good" : "mark"}>${row.alias}<//>` },
    { name: "version", title: "Version", value: label, show: (row) => html`<${To} page="models" params=${{ version: label(row) }}>${label(row)}<//>` },
    { name: "serving", title: "Served here", show: (row) => row.serving === label(row) ? "yes" : html`<${Badge} kind="mind">${row.serving ?? "not loaded"}<//>` },
    { name: "back", title: "Way back", unseen: true, value: () => "", show: (row) => html`<button type="button" class="quiet" onClick=${() => act(rollBack(row.alias))}>Roll back<span class="offscreen"> ${row.alias}</span></button>` },
  ];
  return html`<${Panel} title="What serves" request=${{ target: "v1/aliases" }}><${Table} columns=${columns} rows=${aliases} name="aliases" caption="Aliases" empty="No alias points at a version: popular items are served." rowKey=${(row) => row.alias} /><//>`;
}

/** All versions on one scale, with the interval of each where it was measured. */
function Ladder({ versions }) {
  const metric = ["served_ndcg@20", "ndcg@20"].find((name) => versions.some((version) => isNumber(version.metrics[name])));
  if (!metric) return null;
  const newest = new Map();
  for (const version of versions) if (isNumber(version.metrics[metric]) && !newest.has(version.model)) newest.set(version.model, version);
  const rows = [...new Set([...newest.values(), ...versions.filter((version) => version.aliases.length && isNumber(version.metrics[metric]))])]
    .map((version) => ({ name: label(version), at: version.metrics[metric], low: version.metrics[`${metric}_interval`]?.[0], high: version.metrics[`${metric}_interval`]?.[1], champion: version.aliases.includes("champion") }))
    .sort((a, b) => b.at - a.at);
  const options = () => ({
    marginLeft: 110, x: { grid: true, label: null, ticks: 5, nice: true }, y: { domain: rows.map((row) => row.name), label: null },
    marks: [
      Plot.link(rows.filter((row) => isNumber(row.low)), { x1: "low", x2: "high", y1: "name", y2: "name", stroke: (row) => colour(row.champion ? "good" : "rule"), strokeWidth: 5, strokeLinecap: "round", strokeOpacity: 0.55 }),
      Plot.dot(rows, { x: "at", y: "name", r: 4.5, fill: (row) => colour(row.champion ? "good" : "two") }),
    ],
  });
  return html`<${Panel} title="How good they are" note=${`${metric}: the newest version of each model, and those that an alias points at; bars are 95 % intervals`}>
    <${Chart} label=${`${metric} of the newest versions`} options=${options} needs=${[versions]} height=${Math.max(90, 40 + rows.length * 26)}
      table=${{ columns: ["version", metric, "from", "to"], rows: rows.map((row) => [row.name, decimal(row.at, 4), decimal(row.low, 4), decimal(row.high, 4)]) }} /><//>`;
}

function Versions({ versions, chosen }) {
  const metrics = metricsOf(versions).slice(0, 5);
  const columns = [
    { name: "version", title: "Version", value: label, show: (row) => html`<${To} page="models" params=${{ version: label(row) }}>${label(row)}<//>` },
    { name: "aliases", title: "Serves as", value: (row) => row.aliases.join(" "), show: (row) => row.aliases.map((alias) => html`<${Badge} key=${alias} kind=${alias === "champion" ? "good" : "mark"}>${alias}<//> `) },
    { name: "created_at", title: "Trained", show: (row) => html`<${When} at=${row.created_at} />` },
    ...metrics.map(([name, title]) => ({ name, title, number: true, value: (row) => row.metrics[name], show: (row) => decimal(row.metrics[name], 4) })),
    { name: "fit", title: "fit", number: true, value: (row) => row.metrics.fit_seconds, show: (row) => duration(row.metrics.fit_seconds) },
  ];
  return html`<${Panel} title="Versions" request=${{ target: "v1/models" }} wide><${Table} columns=${columns} rows=${versions} name="versions" caption="Versions" empty="Nothing has been trained yet: honeyguide train" rowKey=${label} pick=${(row) => label(row) === chosen} /><//>`;
}

function Lineage({ lineage }) {
  const gain = lineage.gain;
  return html`<${Facts} of=${[["Data", `log up to ${count(lineage.through)}`], lineage.first && ["From", stamp(lineage.first)], lineage.last && ["Until", stamp(lineage.last)], ["Interactions", count(lineage.interactions)], ["Users", count(lineage.users)], ["Items", count(lineage.items)],
    ["Before it served", lineage.parent ? html`<${To} page="models" params=${{ version: lineage.parent }}>${lineage.parent}<//>` : "nothing"],
    gain && ["Gain over that", `${decimal(gain[0], 4)} (${decimal(gain[1], 4)} to ${decimal(gain[2], 4)}) of ${lineage.gain_metric}`],
    ["Began with its numbers", lineage.warm_start ? "yes" : "no"], Object.keys(lineage.companions ?? {}).length && ["Companions", value(lineage.companions)], ["Configuration", html`<${Id}>${lineage.config}<//>`], ["Made by", `honeyguide ${lineage.release}, seed ${lineage.seed}`], ["Hyper-parameters", value(lineage.params)]]} />`;
}

function One({ name, versions, act, other }) {
  const [model, number] = name.split("@");
  const found = useLoad((signalled) => get(path`v1/models/${model}/versions/${number}`, signalled), [name]);
  const champion = versions.find((version) => version.aliases.includes("champion"));
  const beside = versions.find((version) => label(version) === other) ?? (champion && label(champion) !== name ? champion : undefined);
  return html`<${Loaded} from=${found} lines=${6}>${(read) => {
    const version = { ...read, aliases: versions.find((each) => label(each) === name)?.aliases ?? read.aliases }; // these are looked at again and again
    const metrics = metricsOf([version]).map(([metric, title]) => ({ metric, title, here: version.metrics[metric], there: beside?.metrics[metric], interval: version.metrics[`${metric}_interval`] }));
    const columns = [
      { name: "title", title: "Metric" },
      { name: "here", title: label(version), number: true, show: (row) => figure(row.here) },
      ...(beside ? [{ name: "there", title: label(beside), number: true, show: (row) => figure(row.there) },
        { name: "more", title: "Difference", number: true, value: (row) => (isNumber(row.there) ? row.here - row.there : null), show: (row) => (isNumber(row.there) ? `${row.here >= row.there ? "+" : "−"}${figure(Math.abs(row.here - row.there), row.here)}` : "–") }] : []),
      { name: "interval", title: "95 % interval", number: true, value: (row) => row.interval?.join(" to "), show: (row) => (row.interval ? `${decimal(row.interval[0], 4)} – ${decimal(row.interval[1], 4)}` : "–") },
    ];
    const now = champion && label(champion);
    return html`<div class="grid aside">
      <${Panel} title=${label(version)} id="the-version" request=${{ target: path`v1/models/${model}/versions/${number}` }} actions=${html`
          ${!version.aliases.includes("champion") && html`<button type="button" onClick=${() => act(promote(version, "champion", now))}>Promote</button>`}
          ${["challenger", "shadow"].filter((alias) => !version.aliases.includes(alias)).map((alias) => html`<button key=${alias} type="button" class="quiet" onClick=${() => act(promote(version, alias, versions.find((each) => each.aliases.includes(alias)) && label(versions.find((each) => each.aliases.includes(alias)))))}>Make ${alias}</button>`)}
          <button type="button" class="quiet" onClick=${() => set({ version: "", beside: "" })}>All versions</button>`}>
        <p class="marks">${version.aliases.map((alias) => html`<${Badge} key=${alias} kind=${alias === "champion" ? "good" : "mark"}>${alias}<//>`)}<span class="note">trained <${When} at=${version.created_at} /></span></p>
        <${Lineage} lineage=${version.lineage} /><//>
      <${Panel} title="Evaluation" actions=${html`<label class="inline">beside <select onChange=${(event) => set({ beside: event.target.value })}>${versions.filter((each) => label(each) !== name).map((each) => html`<option key=${label(each)} selected=${beside && label(each) === label(beside)}>${label(each)}</option>`)}</select></label>`}>
        <${Table} columns=${columns} rows=${metrics} name=${`evaluation-${name}`} caption="Evaluation" rowKey=${(row) => row.metric} empty="This version was not evaluated." /><//>
    </div>`;
  }}<//>`;
}

export function Models({ params }) {
  const [act, plan] = useState(null);
  const found = useLoad(async (signalled) => {
    const [versions, aliases] = await Promise.all([all("v1/models", 500, signalled), get("v1/aliases", signalled)]);
    return { versions, aliases: aliases.items };
  }, [], { every: 10_000 });
  return html`<${Loaded} from=${found} lines=${6}>${({ versions, aliases }) => html`
    ${params.version ? html`<${One} name=${params.version} versions=${versions} act=${plan} other=${params.beside} key=${params.version} />` : html`<div class="grid"><${Aliases} aliases=${aliases} act=${plan} /><${Ladder} versions=${versions} /></div>`}
    <div class="grid">${versions.length ? html`<${Versions} versions=${versions} chosen=${params.version} />` : html`<${Empty} title="Nothing has been trained yet."><code>honeyguide train</code><//>`}</div>
    ${act && html`<${Confirm} act=${act} close=${() => plan(null)} done=${found.again} />`}`}<//>`;
}
