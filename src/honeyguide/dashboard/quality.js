// How good the lists are: measures beside their targets, how they went, who does better, what has moved since training.

import { html } from "./preact.js";
import { get, query, useLoad } from "./api.js";
import { Chart, Plot, Spark, colour } from "./charts.js";
import { count, decimal, duration, isNumber, money, percent } from "./format.js";
import { Badge, Bar, Empty, Loaded, Panel, Table, To, When } from "./parts.js";
import { set } from "./state.js";

const WINDOWS = [["1h", "last hour"], ["24h", "last day"], ["7d", "last week"], ["30d", "last month"]];

/** A measure as its unit wants it. */
export function measured(found, unit) {
  if (!isNumber(found)) return "–";
  if (unit === "share") return percent(found, Math.abs(found) < 0.1 ? 2 : 1);
  if (unit === "seconds") return duration(found);
  if (unit === "money") return money(found);
  if (unit === "count") return count(found);
  return decimal(found, 3);
}

const TITLES = { ctr: "CTR", add_to_cart: "Added to the cart", latency_p50: "p50 of a list", latency_p95: "p95 of a list", latency_p99: "p99 of a list", hit_rate: "From the cache", exposure_gini: "Exposure (Gini)", conversion_per_click: "Conversion per click" };
export const titled = (name) => TITLES[name] ?? `${name[0].toUpperCase()}${name.slice(1).replaceAll("_", " ")}`;

const Change = ({ now, before, unit }) => {
  if (!isNumber(now) || !before || now === before) return html`<span class="note">${before && now === before ? "as before" : ""}</span>`;
  return html`<span class="note">${now > before ? "▲ from" : "▼ from"} ${measured(before, unit)}</span>`;
};

/** Value, target, trend: one row for each promise. */
export function Targets({ report, only }) {
  const settled = report.course.filter((point) => point.settled);
  return html`<dl class="tiles few" aria-label="Targets">${report.targets.filter((each) => !only || only.includes(each.name)).map((each) => html`<div key=${each.name} class="tile ${each.met === false ? "off" : ""}">
    <dt title=${each.means}>${titled(each.name)}</dt><dd><b>${measured(each.value, each.unit)}</b></dd>
    <dd class="target">${each.met === false ? html`<${Badge} kind="bad">off target<//> ` : each.met === null ? html`<${Badge}>too few to say<//> ` : ""}${each.at_most ? "under" : "over"} ${measured(each.target, each.unit)}</dd>
    <${Spark} points=${settled.map((point) => point.figures[each.name] ?? NaN)} kind=${each.met === false ? "bad" : ""} /></div>`)}</dl>`;
}

function Course({ report, chosen }) {
  const measures = report.targets.map((each) => each.name).filter((name) => report.course.some((point) => isNumber(point.figures[name])));
  const rest = [...new Set(report.course.flatMap((point) => Object.keys(point.figures)))].filter((name) => !measures.includes(name));
  const all = [...measures, ...rest];
  const shown = all.includes(chosen) ? chosen : all[0];
  if (!shown) return null;
  const about = [...report.targets, ...report.measures].find((each) => each.name === shown);
  const target = report.targets.find((each) => each.name === shown);
  const rows = report.course.map((point) => ({ at: new Date(point.starts_at), value: point.figures[shown] ?? NaN, settled: point.settled }));
  const options = () => ({
    x: { type: "utc", label: null, ticks: 6 }, y: { label: null, grid: true, ticks: 5, zero: true, nice: true, tickFormat: (each) => measured(each, about?.unit) }, marginLeft: 62,
    marks: [
      ...(target ? [Plot.ruleY([target.target], { stroke: colour("soft"), strokeDasharray: "4 4" })] : []),
      Plot.areaY(rows, { x: "at", y: "value", fill: colour("band") }),
      Plot.lineY(rows, { x: "at", y: "value", stroke: colour("one"), strokeWidth: 2 }),
      Plot.dot(rows.filter((row) => isNumber(row.value)), { x: "at", y: "value", r: 3, fill: (row) => colour(row.settled ? "one" : "sheet"), stroke: colour("one") }),
    ],
  });
  return html`<${Panel} title="How it went" note=${`by ${report.per}; hollow: clicks may still come${target ? "; dashed: the target" : ""}`} wide
    actions=${html`<select aria-label="Measure" onChange=${(event) => set({ measure: event.target.value })}>${all.map((name) => html`<option key=${name} value=${name} selected=${name === shown}>${titled(name)}</option>`)}</select>`}>
    <${Chart} label=${`${titled(shown)} by ${report.per}`} options=${options} needs=${[report, shown]} height=${240} table=${{ columns: ["from", titled(shown)], rows: rows.map((row) => [row.at.toISOString().slice(0, 16).replace("T", " "), measured(row.value, about?.unit)]) }} /><//>`;
}

function Measures({ report, request }) {
  const columns = [
    { name: "name", title: "Measure", value: (row) => titled(row.name), show: (row) => html`<span title=${row.means}>${titled(row.name)}</span>` },
    { name: "value", title: "Value", number: true, show: (row) => html`<b>${measured(row.value, row.unit)}</b>` },
    { name: "interval", title: "95 % interval", number: true, value: (row) => row.low, show: (row) => (isNumber(row.low) ? `${measured(row.low, row.unit)} – ${measured(row.high, row.unit)}` : "–") },
    { name: "n", title: "of", number: true, show: (row) => count(row.n) },
    { name: "before", title: "Before", show: (row) => html`<${Change} now=${row.value} before=${row.before} unit=${row.unit} />` },
    { name: "means", title: "What it is", show: (row) => html`<span class="note">${row.means}</span>` },
  ];
  return html`<${Panel} title="Measures" request=${request} wide><${Table} columns=${columns} rows=${report.measures} name="quality" caption="Measures" rowKey=${(row) => row.name} /><//>`;
}

function Positions({ report }) {
  const rows = report.positions.filter((row) => row.shown);
  const options = () => ({
    x: { label: "position", tickSize: 0 }, y: { label: null, grid: true, ticks: 4, tickFormat: (each) => percent(each) }, marginBottom: 34,
    marks: [Plot.barY(rows, { x: "position", y: "ctr", fill: colour("one") }), Plot.ruleY([0])],
  });
  return html`<${Panel} title="Clicks by position" wide>${rows.length ? html`<${Chart} label="Click-through rate by position" options=${options} needs=${[report]} height=${180}
    table=${{ columns: ["position", "shown", "clicks", "rate"], rows: rows.map((row) => [row.position, count(row.shown), count(row.clicks), percent(row.ctr, 2)]) }} />` : html`<${Empty} title="Nothing was shown in this time." />`}<//>`;
}

function Parts({ title, rows, of, name }) {
  const most = Math.max(...rows.map((row) => row.ctr ?? 0), 1e-9);
  const columns = [
    { name: "name", title: of, show: (row) => (of === "Version" ? html`<${To} page="models" params=${{ version: row.name }}>${row.name}<//>` : row.name) },
    { name: "requests", title: "Lists", number: true, show: (row) => count(row.requests) },
    { name: "ctr", title: "CTR", number: true, show: (row) => html`<${Bar} share=${(row.ctr ?? 0) / most}><span title=${isNumber(row.ctr_low) ? `${percent(row.ctr_low, 2)} to ${percent(row.ctr_high, 2)}` : ""}>${percent(row.ctr, 2)}</span><//>` },
    { name: "conversion", title: "Conversion", number: true, show: (row) => percent(row.conversion, 2) },
    { name: "latency_p95", title: "p95", number: true, show: (row) => duration(row.latency_p95) },
    { name: "hit_rate", title: "Cached", number: true, show: (row) => percent(row.hit_rate) },
    { name: "coverage", title: "Coverage", number: true, show: (row) => percent(row.coverage) },
    { name: "diversity", title: "Diversity", number: true, show: (row) => decimal(row.diversity, 3) },
    ...(of === "Version" ? [{ name: "offline", title: "Offline", number: true, show: (row) => decimal(row.offline, 4) }] : []),
  ];
  return html`<${Panel} title=${title} wide><${Table} columns=${columns} rows=${rows} name=${name} caption=${title} empty="Nothing in this time." rowKey=${(row) => row.name} /><//>`;
}

function Drift({ report }) {
  const rows = [...report.features.map((each) => ({ ...each, kind: "feature" })), ...report.scores.map((each) => ({ ...each, kind: "score" }))];
  const columns = [
    { name: "name", title: "What" },
    { name: "kind", title: "Kind" },
    { name: "psi", title: "PSI", number: true, show: (row) => html`<${Bar} share=${row.psi / 0.5} kind=${row.moved ? "bad" : ""}>${decimal(row.psi, 3)}<//>` },
    { name: "floor", title: "by chance", number: true, show: (row) => decimal(row.floor, 3) },
    { name: "n", title: "now", number: true, show: (row) => count(row.n) },
    { name: "reference_n", title: "then", number: true, show: (row) => count(row.reference_n) },
    { name: "moved", title: "State", value: (row) => row.moved, show: (row) => (row.moved ? html`<${Badge} kind="bad">moved<//>` : html`<${Badge} kind="good">as it was<//>`) },
  ];
  return html`<${Panel} title="What has moved since training" note="population stability index; 0.1 is worth a look, 0.25 much" wide>
    <${Table} columns=${columns} rows=${rows} name="drift" caption="Drift" empty="Nothing to compare with yet: the version that serves keeps no reference, or too little was served." rowKey=${(row) => `${row.kind} ${row.name}`} /><//>`;
}

export function Quality({ params }) {
  const window = WINDOWS.some(([name]) => name === params.window) ? params.window : "24h";
  const target = `v1/quality${query({ window, surface: params.surface, model: params.model })}`;
  const found = useLoad((signalled) => get(target, signalled), [target], { every: 60_000 });
  const whole = useLoad((signalled) => get(`v1/quality${query({ window })}`, signalled), [window]);
  const pick = (name, title, options) => html`<label>${title} <select onChange=${(event) => set({ [name]: event.target.value })}><option value="" selected=${!params[name]}>all</option>
    ${[...new Set([...(options ?? []), ...(params[name] ? [params[name]] : [])])].map((each) => html`<option key=${each} value=${each} selected=${each === params[name]}>${each}</option>`)}</select></label>`;
  return html`<div class="lookup"><label>Time <select onChange=${(event) => set({ window: event.target.value === "24h" ? "" : event.target.value })}>${WINDOWS.map(([name, title]) => html`<option key=${name} value=${name} selected=${name === window}>${title}</option>`)}</select></label>
      ${pick("surface", "Surface", whole.value?.surfaces.map((each) => each.name))}${pick("model", "Model version", whole.value?.models.map((each) => each.name))}</div>
    <${Loaded} from=${found} lines=${8}>${(report) => report.computed_at === null
      ? html`<${Empty} title="Nothing has been measured yet."><p>A worker measures served lists hour by hour; <code>honeyguide monitor run</code> does it now.</p><//>`
      : html`<p class="note measured">Measured <${When} at=${report.computed_at} />; shown is what ${{ impressions: "impressions told", served: "was served", both: "impressions told, or was served where none came" }[report.basis] ?? report.basis}${isNumber(report.agreement) ? `; offline and online agree by ${decimal(report.agreement, 2)} over the versions` : ""}.</p>
        <${Targets} report=${report} />
        <div class="grid"><${Course} report=${report} chosen=${params.measure} /><${Positions} report=${report} />
          ${report.surfaces.length > 0 && html`<${Parts} title="Surfaces" rows=${report.surfaces} of="Surface" name="surfaces" />`}<${Parts} title="Model versions" rows=${report.models} of="Version" name="models" />
          ${report.arms.length > 0 && html`<${Parts} title="Arms" rows=${report.arms} of="Arm" name="arms" />`}<${Drift} report=${report} /><${Measures} report=${report} request=${{ target }} /></div>`}<//>`;
}
