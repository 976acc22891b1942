// How it goes, on one screen: in words first, then in figures.

import { html } from "./preact.js";
import { all, get, useLoad } from "./api.js";
import { Chart, Legend, Plot, Spark, colour } from "./charts.js";
import { compact, count, duration, isNumber, percent, rate } from "./format.js";
import { KEPT_TIERS, LISTS, course, failure, lately, names, perSecond, shareOf, slow, useLive } from "./live.js";
import { by, sum } from "./metrics.js";
import { Targets } from "./quality.js";
import { Badge, CopyButton, Empty, Failed, Loaded, Loading, Panel, Table, To, When } from "./parts.js";

const TIERS = [["l1", "memory", "tier-l1"], ["l2", "shared", "tier-l2"], ["stale", "stale, remade behind", "tier-stale"], ["computed", "computed", "tier-computed"],
  ["stale-error", "stale, for want of better", "tier-warn"], ["fallback", "fallback", "tier-bad"]];

/** A figure with what it should be and how it went. */
const Tile = ({ title, figure, unit, target, good, points, hint }) =>
  html`<div class="tile ${good === false ? "off" : ""}"><dt title=${hint}>${title}</dt>
    <dd><b>${figure}</b>${unit && html` <span>${unit}</span>`}</dd>
    <dd class="target">${target ? html`${good === false ? html`<${Badge} kind="bad">off target<//> ` : ""}${target}` : "\u00a0"}</dd>
    <${Spark} points=${points} kind=${good === false ? "bad" : ""} /></div>`;

function Tiles({ taken, uptime }) {
  const went = (figure) => course(taken, figure).map(({ value }) => value ?? NaN);
  const figures = {
    lists: perSecond(LISTS), events: perSecond("honeyguide_events_received_total"), p95: slow(0.95),
    hit: shareOf({ served_from: KEPT_TIERS }), fallback: shareOf({ served_from: ["fallback", "stale-error"] }), failed: shareOf({ outcome: "error" }),
  };
  const now = Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, lately(taken, figure, uptime)]));
  return html`<dl class="tiles" aria-label="Now">
    <${Tile} title="Lists per second" figure=${rate(now.lists)} points=${went(figures.lists)} hint="Recommendations that were served, over the last minute" />
    <${Tile} title="p95 of a list" figure=${duration(now.p95)} target="under 200 ms" good=${isNumber(now.p95) ? now.p95 < 0.2 : undefined} points=${went(figures.p95)} hint="Time within the server in which 95 % of lists were ready" />
    <${Tile} title="From the cache" figure=${percent(now.hit, 1)} target="over 80 %" good=${isNumber(now.hit) ? now.hit > 0.8 : undefined} points=${went(figures.hit)} hint="Lists from a tier, stale ones that are remade behind the answer included" />
    <${Tile} title="Not from the fallback" figure=${isNumber(now.fallback) ? percent(1 - now.fallback, 1) : "–"} target="over 95 %" good=${isNumber(now.fallback) ? now.fallback < 0.05 : undefined} points=${went(figures.fallback).map((each) => 1 - each)} hint="Lists that were made with all that belongs to them, not from the fallback" />
    <${Tile} title="Failed" figure=${percent(now.failed ?? (isNumber(now.lists) ? 0 : undefined), 2)} target="under 0.1 %" good=${isNumber(now.failed) ? now.failed < 0.001 : undefined} points=${went(figures.failed)} hint="Lists that ended with an error" />
    <${Tile} title="Events per second" figure=${rate(now.events)} points=${went(figures.events)} hint="Events that were taken in, over the last minute" />
  </dl>`;
}

/** The height of the stack at each moment. */
function sums(rows) {
  const found = new Map();
  for (const { at, value } of rows) found.set(at.getTime(), (found.get(at.getTime()) ?? 0) + value);
  return found.values();
}

function ServedFrom({ taken }) {
  const there = names(taken, "served_from");
  const shown = TIERS.filter(([tier]) => there.includes(tier));
  const rows = shown.flatMap(([tier, name]) => course(taken, perSecond(LISTS, { served_from: tier })).map(({ at, value }) => ({ at: new Date(at), tier: name, value: value ?? 0 })));
  const total = lately(taken, perSecond(LISTS), 1) || 0;
  const figure = (tier) => (total ? percent((lately(taken, perSecond(LISTS, { served_from: tier }), 1) ?? 0) / total) : "–");
  const options = () => ({
    x: { type: "utc", label: null, ticks: 5 }, y: { label: null, grid: true, ticks: 4, domain: [0, Math.max(1, ...sums(rows))] },
    color: { domain: shown.map(([, name]) => name), range: shown.map(([, , tint]) => colour(tint)) },
    marks: [Plot.areaY(rows, { x: "at", y: "value", fill: "tier", order: shown.map(([, name]) => name), curve: "monotone-x" }), Plot.ruleY([0])],
  });
  return html`<${Panel} title="Where lists come from" note="Lists per second by tier, while this page is open" wide>
    ${taken.length < 4 ? html`<${Loading} lines=${4} />`
      : !rows.some((row) => row.value) ? html`<${Empty} title="No list has been asked for while this page is open." />`
      : html`<${Chart} label="Lists per second by where they come from" options=${options} needs=${[taken]} height=${200}
          table=${{ columns: ["served from", "share of the last minute"], rows: shown.map(([tier, name]) => [name, figure(tier)]) }} />`}
    <${Legend} of=${shown.map(([tier, name, tint]) => [name, tint, figure(tier)])} /><//>`;
}

function Surfaces({ taken, uptime }) {
  const rows = names(taken, "surface").map((surface) => ({
    surface,
    lists: lately(taken, perSecond(LISTS, { surface }), uptime),
    p95: lately(taken, slow(0.95, { surface })),
    hit: lately(taken, shareOf({ served_from: KEPT_TIERS }, { surface })),
    total: sum(taken.at(-1).reading, LISTS, { surface }),
  }));
  const columns = [
    { name: "surface", title: "Surface", show: (row) => html`<${To} page="explorer" params=${{ surface: row.surface }}>${row.surface}<//>` },
    { name: "lists", title: "per second", number: true, show: (row) => rate(row.lists) },
    { name: "p95", title: "p95", number: true, show: (row) => duration(row.p95) },
    { name: "hit", title: "from the cache", number: true, show: (row) => percent(row.hit) },
    { name: "total", title: "since the start", number: true, show: (row) => compact(row.total) },
  ];
  return html`<${Panel} title="Surfaces"><${Table} columns=${columns} rows=${rows} name="surfaces" caption="Surfaces" empty="No list has been asked for yet." rowKey=${(row) => row.surface} /><//>`;
}

function Lately({ jobs, versions, system }) {
  const told = [
    ...versions.slice(0, 40).map((version) => ({ at: version.created_at, what: html`<${To} page="models" params=${{ version: `${version.model}@${version.version}` }}>${version.model}@${version.version}<//> was trained`, kind: version.aliases.includes("champion") ? "champion" : "" })),
    ...jobs.map((job) => ({ at: job.finished_at ?? job.started_at ?? job.created_at, what: html`<${To} page="system" params=${{ job: job.job_id }}>${job.kind}<//> ${job.state}`, kind: job.state === "failed" ? "failed" : "" })),
    { at: system.started_at, what: "This process was started", kind: "" },
  ].sort((a, b) => (a.at < b.at ? 1 : -1)).slice(0, 8);
  return html`<${Panel} title="Lately"><ol class="lately">${told.map((each, index) => html`<li key=${index}><span>${each.what}${each.kind && html` <${Badge} kind=${each.kind === "failed" ? "bad" : "good"}>${each.kind}<//>`}</span><${When} at=${each.at} /></li>`)}</ol><//>`;
}

const STEPS = [
  ["Import what you have", "honeyguide import events clicks.parquet && honeyguide import items products.csv"],
  ["Train a first model", "honeyguide train"],
  ["Ask for a list", "curl -X POST 'http://127.0.0.1:8000/recommendations?user_id=user_123&n=10'"],
  ["Send what people do", "curl -X POST 'http://127.0.0.1:8000/track/purchase?user_id=user_123&item_id=item_1'"],
];

const Checklist = ({ done }) =>
  html`<${Panel} title="Four steps to the first list" wide><ol class="steps">${STEPS.map(([title, command], index) => html`<li key=${title} class=${done[index] ? "done" : ""}>
    <h3>${title} ${done[index] && html`<${Badge} kind="good">done<//>`}</h3><div class="command"><code>${command}</code><${CopyButton} text=${command}>Copy<//></div></li>`)}</ol><//>`;

/** What is the matter, as sentences; none if nothing is. */
export function troubles({ system, ready, reading }) {
  const down = reading ? Object.entries(by(reading, "honeyguide_dependency_up", "dependency")).filter(([, up]) => !up).map(([name]) => name) : [];
  const told = down.map((name) => name === "redis" ? "Redis does not answer: each process serves from its own memory and computes the rest. Nothing is lost."
    : name === "database" ? "The database does not answer: lists come from memory and the last known popular items; events are refused until it is back."
    : `${name} does not answer: lists are made without it.`);
  for (const name of ready.degraded) if (!down.includes(name)) told.push(`${name} has not answered lately.`);
  for (const [alias, why] of Object.entries(system.refused)) told.push(`The alias ${alias} points at a version that was refused: ${why}`);
  if (!system.aliases.champion) told.push("No model serves yet: lists are popular items. Train one with: honeyguide train");
  return told;
}

function Headline({ told, system }) {
  return html`<div class="headline ${told.length ? "off" : ""}">
    ${told.length ? html`<ul>${told.map((each) => html`<li key=${each}>${each}</li>`)}</ul>` : html`<p>All is well.</p>`}
    <p class="note">${system.aliases.champion ? html`<${To} page="models" params=${{ version: system.aliases.champion }}>${system.aliases.champion}<//> serves · ` : ""}log at ${count(system.position)} · up for ${duration(system.uptime_seconds)} · version ${system.version}</p></div>`;
}

const ASKED = ["ctr", "conversion", "coverage", "diversity", "novelty", "personalisation"];

/** What people make of the lists: measured by hour from the log, so behind the figures above. */
function Lists() {
  const found = useLoad((signalled) => get("v1/quality?window=24h", signalled), [], { every: 60_000 });
  if (!found.value || found.value.computed_at === null) return null; // the page of quality says why
  return html`<section aria-labelledby="part-quality"><header class="between"><h2 id="part-quality">What people make of them</h2><p class="note">the last day, measured <${When} at=${found.value.computed_at} /> · <${To} page="quality">all measures<//></p></header>
    <${Targets} report=${found.value} only=${ASKED} /></section>`;
}

export function Overview() {
  const taken = useLive();
  const basis = useLoad(async (signalled) => {
    const [system, ready, versions, jobs, items] = await Promise.all([
      get("v1/system", signalled), get("readyz", signalled).catch(() => ({ degraded: ["the start is not finished"], aliases: {} })),
      all("v1/models", 100, signalled), get("v1/jobs?limit=20", signalled), get("v1/items?limit=1", signalled),
    ]);
    return { system, ready, versions, jobs: jobs.items, filled: items.items.length > 0 };
  }, [], { every: 10_000 });
  return html`<${Loaded} from=${basis} lines=${6}>${(found) => {
    const { system, versions, jobs, filled } = found;
    const reading = taken.at(-1)?.reading;
    const served = reading ? sum(reading, LISTS) || 0 : 0;
    const tracked = reading ? sum(reading, "honeyguide_events_received_total") || 0 : 0;
    const done = [filled, versions.length > 0, served > 0, tracked > 0];
    return html`<${Headline} told=${troubles({ ...found, reading })} system=${system} />
      ${(!filled || !versions.length) && html`<${Checklist} done=${done} />`}
      ${failure.value && !taken.length ? html`<${Failed} error=${failure.value} />` : html`<${Tiles} taken=${taken} uptime=${system.uptime_seconds} /><${Lists} />
      <div class="grid"><${ServedFrom} taken=${taken} /><${Surfaces} taken=${taken} uptime=${system.uptime_seconds} /><${Lately} jobs=${jobs} versions=${versions} system=${system} /></div>`}`;
  }}<//>`;
}
