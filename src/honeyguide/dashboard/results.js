// What an experiment shows: the verdict with its reasons, health before numbers, each arm beside the control.

import { html } from "./preact.js";
import { get, path, useLoad } from "./api.js";
import { Chart, Plot, colour } from "./charts.js";
import { count, decimal, isNumber, percent } from "./format.js";
import { Badge, Bar, Facts, Failed, Loaded, Panel, Table, When } from "./parts.js";

const VERDICTS = { ship: "good", "roll back": "bad", "keep running": "mark", "no difference": "", hidden: "mind" };
const STANDINGS = { better: "good", kept: "good", worse: "bad", broken: "bad", open: "" };
const STATES = { passed: "good", waiting: "mark", warning: "mind", alarm: "bad" };

const signed = (share) => (isNumber(share) ? `${share >= 0 ? "+" : "−"}${percent(Math.abs(share), 1)}` : "–");

/** A lift with its interval on a scale that all rows share; the middle is no difference. */
function Interval({ row, reach }) {
  if (!isNumber(row.lift_low) || !isNumber(row.lift_high)) return html`<span class="note">not known yet</span>`;
  const at = (share) => 50 + (Math.max(-reach, Math.min(reach, share)) / reach) * 48;
  return html`<svg class=${`interval ${STANDINGS[row.standing]}`} viewBox="0 0 100 14" preserveAspectRatio="none" role="img" aria-label=${`${signed(row.lift_low)} to ${signed(row.lift_high)}`}>
    <line x1="50" x2="50" y1="0" y2="14" class="zero" /><rect x=${at(row.lift_low)} width=${Math.max(0.8, at(row.lift_high) - at(row.lift_low))} y="4" height="6" rx="1" />
    ${isNumber(row.lift) && html`<line x1=${at(row.lift)} x2=${at(row.lift)} y1="2" y2="12" class="at" />`}</svg>`;
}

function Metrics({ results, name }) {
  const reach = Math.max(0.01, ...results.metrics.flatMap((row) => [row.lift_low, row.lift_high]).filter(isNumber).map(Math.abs).map((share) => Math.min(share, 1)));
  const columns = [
    { name: "metric", title: "Metric", show: (row) => html`${row.metric} <${Badge}>${row.role}<//>` },
    { name: "arm", title: "Arm" },
    { name: "control", title: "Control", number: true, show: (row) => decimal(row.control, 4) },
    { name: "value", title: "Arm's", number: true, show: (row) => decimal(row.value, 4) },
    { name: "lift", title: "Lift", number: true, show: (row) => html`<b>${signed(row.lift)}</b>` },
    { name: "interval", title: "Interval", value: (row) => (isNumber(row.lift_low) ? `${row.lift_low} to ${row.lift_high}` : ""), show: (row) => html`<${Interval} row=${row} reach=${reach} />` },
    { name: "p_adjusted", title: "p", number: true, show: (row) => html`<span title=${`${row.engine}; a single look would say ${decimal(row.at_once, 4)}`}>${decimal(row.p_adjusted ?? row.p, 4)}</span>` },
    { name: "chance", title: "Chance to win", number: true, show: (row) => percent(row.chance, 0) },
    { name: "shrunk", title: "To be believed", number: true, show: (row) => signed(row.shrunk) },
    { name: "standing", title: "Stands", show: (row) => html`<${Badge} kind=${STANDINGS[row.standing]}>${row.standing}<//>` },
  ];
  return html`<${Table} columns=${columns} rows=${results.metrics} name=${`results-${name}`} caption="Results" empty="No unit has been exposed yet." rowKey=${(row) => `${row.metric} ${row.arm}`} />`;
}

function Daily({ results }) {
  const goal = results.metrics.find((row) => row.role === "goal");
  const rows = results.daily.filter((row) => row.metric === goal?.metric && isNumber(row.lift)).map((row) => ({ ...row, at: new Date(row.at) }));
  if (rows.length < 2) return null;
  const arms = [...new Set(rows.map((row) => row.arm))];
  const tint = (arm) => colour(["two", "three", "four"][arms.indexOf(arm) % 3]);
  const options = () => ({
    x: { type: "utc", label: null }, y: { label: null, grid: true, tickFormat: signed, ticks: 5 }, marginLeft: 56,
    marks: [Plot.areaY(rows, { x: "at", y1: "lift_low", y2: "lift_high", z: "arm", fill: (row) => tint(row.arm), fillOpacity: 0.15 }), Plot.lineY(rows, { x: "at", y: "lift", z: "arm", stroke: (row) => tint(row.arm), strokeWidth: 2 }), Plot.ruleY([0])],
  });
  return html`<${Chart} label=${`Lift of ${goal.metric} by day`} options=${options} needs=${[results]} height=${200} table=${{ columns: ["day", "arm", "lift", "from", "to"], rows: rows.map((row) => [row.at.toISOString().slice(0, 10), row.arm, signed(row.lift), signed(row.lift_low), signed(row.lift_high)]) }} />`;
}

export function Results({ experiment }) {
  const target = path`v1/experiments/${experiment.name}/results`;
  const found = useLoad((signalled) => get(target, signalled), [experiment.name, experiment.revision], { every: 30_000 });
  if (found.error?.status === 409) return html`<${Panel} title="Results"><${Failed} error=${found.error} /><//>`;
  return html`<${Panel} title="Results" request=${{ target }} wide><${Loaded} from=${found} lines=${5}>${(results) => html`
    <p class="decided"><${Badge} kind=${VERDICTS[results.decision.verdict]}>${results.decision.verdict}${results.decision.arm ? ` ${results.decision.arm}` : ""}<//>
      ${isNumber(results.decision.days_left) && results.state === "running" && html`<span class="note">about ${count(Math.ceil(results.decision.days_left))} days to go</span>`}</p>
    <ul class="effects">${results.decision.reasons.map((each) => html`<li key=${each}>${each}</li>`)}</ul>
    <div class="grid"><div><h3>Health</h3><${Table} rows=${results.gates} name=${`health-${experiment.name}`} caption="Health" rowKey=${(row) => row.name} columns=${[{ name: "name", title: "What must hold" }, { name: "state", title: "State", show: (row) => html`<${Badge} kind=${STATES[row.state]}>${row.state}<//>` }, { name: "detail", title: "Because" }]} /></div>
      <${Facts} of=${[...results.arms.map((arm) => [arm, `${count(results.units[arm])} units`]), ["Planned", html`<${Bar} share=${Object.values(results.units).reduce((a, b) => a + b, 0) / Math.max(1, results.planned)}>${count(results.planned)}<//>`], ["Days", decimal(results.days, 1)], ["Exact at", html`<${When} at=${results.as_of} />`]]} /></div>
    ${results.hidden && html`<p class="behind">An alarm keeps the verdict back: look for what is wrong before reading these numbers.</p>`}
    <${Metrics} results=${results} name=${experiment.name} /><${Daily} results=${results} />`}<//><//>`;
}
