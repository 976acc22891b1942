// What runs: processes, what they depend on, tiers, jobs.

import { html, useState } from "./preact.js";
import { all, call, get, path, useLoad } from "./api.js";
import { bytes, count, duration, percent, stamp, value } from "./format.js";
import { failure, lately, useLive } from "./live.js";
import { by, sum } from "./metrics.js";
import { Badge, Bar, Empty, Facts, Failed, Id, Loaded, Panel, Table, Tabs, When } from "./parts.js";
import { Settings } from "./settings.js";
import { set } from "./state.js";

const STATES = { succeeded: "good", failed: "bad", cancelled: "", running: "mark", queued: "" };

function Health() {
  const found = useLoad(async (signalled) => {
    const [system, ready] = await Promise.all([get("v1/system", signalled), get("readyz", signalled).catch((error) => ({ error }))]);
    return { system, ready };
  }, [], { every: 5000 });
  return html`<${Panel} title="This process" request=${{ target: "v1/system" }}><${Loaded} from=${found}>${({ system, ready }) => html`<${Facts} of=${[
    ["Ready", ready.error ? html`<${Badge} kind="bad">no<//> ${ready.error.message}` : html`<${Badge} kind="good">yes<//>`],
    ["Version", `${system.version} on Python ${system.python}`],
    ["Up for", html`<span title=${stamp(system.started_at)}>${duration(system.uptime_seconds)}</span>`],
    ["End of the log", count(system.position)],
    ["Known here up to", ready.error ? "–" : html`${count(ready.position)}${ready.position < system.position ? html` <${Badge} kind="mind">${count(system.position - ready.position)} behind<//>` : ""}`],
    ["Serves", Object.entries(system.aliases).map(([alias, version]) => `${alias} → ${version}`).join(", ") || "no model"],
    ["Configuration", html`<${Id}>${system.config}<//>`, "The fingerprint that every slate carries"],
    ["API", system.protected ? "asks for a key" : "open, on this machine only"],
    Object.keys(system.refused).length && ["Refused versions", Object.entries(system.refused).map(([alias, why]) => html`<p key=${alias}>${alias}: ${why}</p>`)],
  ]} />`}<//><//>`;
}

function Dependencies() {
  const taken = useLive();
  const reading = taken.at(-1)?.reading;
  if (!reading) return html`<${Panel} title="What it depends on">${failure.value ? html`<${Failed} error=${failure.value} />` : html`<${Empty} title="Reading the metrics" />`}<//>`;
  const open = (reading.get("honeyguide_circuit_breaker_open") || []).filter(({ value: turned }) => turned);
  const mean = (before, after, name) => {
    const calls = (sum(after, `${name}_count`) ?? 0) - ((before && sum(before, `${name}_count`)) ?? 0);
    const seconds = (sum(after, `${name}_sum`) ?? 0) - ((before && sum(before, `${name}_sum`)) ?? 0);
    return calls ? seconds / calls : undefined;
  };
  return html`<${Panel} title="What it depends on" request=${{ target: "metrics" }}><${Facts} of=${[
    ...Object.entries(by(reading, "honeyguide_dependency_up", "dependency")).map(([name, up]) => [name, up ? html`<${Badge} kind="good">answers<//>` : html`<${Badge} kind="bad">does not answer<//>`]),
    ["Circuits", open.length ? html`${open.map(({ labels }) => html`<${Badge} kind="bad" key=${labels.kind}>${labels.dependency} ${labels.kind} open<//> `)}` : "all closed"],
    ["Lag of the event loop", duration(lately(taken, (before, after) => mean(before, after, "honeyguide_event_loop_lag_seconds"))), "Mean over the last minute; more than some ms: the process has too much to do"],
    ["Open files", count(sum(reading, "honeyguide_open_files"))],
    ["Slates written", html`${count(sum(reading, "honeyguide_slates_logged_total"))}${sum(reading, "honeyguide_slates_lost_total") ? html` <${Badge} kind="bad">${count(sum(reading, "honeyguide_slates_lost_total"))} lost<//>` : ", none lost"}`],
    ["Refused without a key", count(sum(reading, "honeyguide_auth_failures_total"))],
  ]} /><//>`;
}

function Tiers() {
  const found = useLoad((signalled) => get("v1/cache", signalled), [], { every: 5000 });
  const columns = [
    { name: "tier", title: "Tier", show: (row) => (row.tier === "l1" ? "memory (l1)" : "shared (l2)") },
    { name: "entries", title: "Lists", number: true, show: (row) => count(row.entries) },
    { name: "bytes", title: "Held", number: true, show: (row) => (row.bound ? `${bytes(row.bytes)} of ${bytes(row.bound)}` : bytes(row.bytes)) },
    { name: "hit_rate", title: "Fresh", number: true, show: (row) => html`<${Bar} share=${row.hit_rate} kind="good">${percent(row.hit_rate)}<//>` },
    { name: "stale_rate", title: "Stale", number: true, show: (row) => html`<${Bar} share=${row.stale_rate}>${percent(row.stale_rate)}<//>` },
    { name: "misses", title: "Misses", number: true, show: (row) => count(row.misses) },
    { name: "evictions", title: "Made room", number: true, value: (row) => Object.values(row.evictions).reduce((a, b) => a + b, 0), show: (row) => count(Object.values(row.evictions).reduce((a, b) => a + b, 0)) },
  ];
  return html`<${Panel} title="Cache" note="of finished lists, since the start" request=${{ target: "v1/cache" }} wide><${Loaded} from=${found}>${(cache) => html`
    <${Table} columns=${columns} rows=${cache.tiers.filter((tier) => tier.tier === "l1" || cache.shared)} name="cache" caption="Tiers of the cache" rowKey=${(row) => row.tier} />
    <div class="grid"><${Facts} of=${[["Computed", count(cache.made.computed)], ["Remade behind an answer", count(cache.made.refreshed)], ["Waited for another's", count(cache.made.coalesced), "Requests that one computation served together"], ["Not kept: changed meanwhile", count(cache.made.refused)], ["Failed", count(cache.made.failed)]]} />
    <${Facts} of=${[...Object.entries(cache.made.invalidated).map(([cause, times]) => [`Invalidated by ${cause.replace("_", " ")}`, count(times)]), ["Processes", count(cache.processes)],
      cache.shared && ["Redis", cache.shared.answers ? html`<${Badge} kind="good">answers<//>` : html`<${Badge} kind="bad">does not answer<//>`], cache.shared && ["Invalidations behind by", duration(cache.shared.invalidation_lag_seconds)]]} /></div>`}<//><//>`;
}

function Job({ id, close }) {
  const found = useLoad((signalled) => get(path`v1/jobs/${id}`, signalled), [id], { every: 1000 });
  const [problem, say] = useState(null);
  const stop = () => call("DELETE", path`v1/jobs/${id}`).then(found.again, say);
  return html`<${Panel} title="Job" id="one-job" request=${{ target: path`v1/jobs/${id}` }} wide actions=${html`<button type="button" class="quiet" onClick=${close}>Close</button>`}>
    <${Loaded} from=${found}>${(job) => html`<${Facts} of=${[["Id", html`<${Id}>${job.job_id}<//>`], ["Kind", job.kind], ["State", html`<${Badge} kind=${STATES[job.state]}>${job.state}<//>`],
      ["Progress", html`<${Bar} share=${job.progress}>${percent(job.progress)}<//>`], ["Message", job.message || "–"], ["Queued", html`<${When} at=${job.created_at} />`], ["Began", html`<${When} at=${job.started_at} />`], ["Ended", html`<${When} at=${job.finished_at} />`],
      ["Asked for", value(job.params)], ["Result", value(job.result)]]} />
      ${problem && html`<${Failed} error=${problem} />`}
      ${(job.state === "running" || job.state === "queued") && html`<p class="buttons"><button type="button" class="danger" onClick=${stop}>Stop it</button></p>`}`}<//><//>`;
}

function Jobs({ chosen }) {
  const found = useLoad((signalled) => all("v1/jobs", 200, signalled), [], { every: 2000 });
  const [problem, say] = useState(null);
  const start = async () => {
    try {
      const job = await call("POST", "v1/jobs", { kind: "train" });
      say(null);
      set({ job: job.job_id });
      found.again();
    } catch (error) {
      say(error);
    }
  };
  const columns = [
    { name: "created_at", title: "Queued", show: (row) => html`<button type="button" class="quiet" onClick=${() => set({ job: row.job_id })}><${When} at=${row.created_at} /></button>` },
    { name: "kind", title: "Kind" },
    { name: "state", title: "State", show: (row) => html`<${Badge} kind=${STATES[row.state]}>${row.state}<//>` },
    { name: "progress", title: "Progress", show: (row) => html`<${Bar} share=${row.progress} kind=${row.state === "failed" ? "bad" : ""}>${percent(row.progress)}<//>` },
    { name: "took", title: "Took", number: true, value: (row) => (row.started_at && row.finished_at ? (new Date(row.finished_at) - new Date(row.started_at)) / 1000 : null), show: (row) => (row.started_at ? duration(((row.finished_at ? new Date(row.finished_at) : Date.now()) - new Date(row.started_at)) / 1000) : "–") },
    { name: "message", title: "Message" },
  ];
  return html`${chosen && html`<${Job} id=${chosen} close=${() => set({ job: "" })} />`}
    <${Panel} title="Jobs" request=${{ target: "v1/jobs" }} wide actions=${html`<button type="button" onClick=${start}>Train now</button>`}>
    ${problem && html`<${Failed} error=${problem} />`}
    <${Loaded} from=${found}>${(jobs) => html`<${Table} columns=${columns} rows=${jobs} name="jobs" caption="Jobs" empty="No job has been asked for." rowKey=${(row) => row.job_id} pick=${(row) => row.job_id === chosen} />`}<//><//>`;
}

const TABS = [["now", "Now"], ["jobs", "Jobs"], ["settings", "Configuration"]];

export function System({ params }) {
  const tab = params.job ? "jobs" : TABS.some(([name]) => name === params.tab) ? params.tab : "now";
  return html`<${Tabs} tabs=${TABS} chosen=${tab} choose=${(name) => set({ tab: name === "now" ? "" : name, job: "" })} label="Parts of the system" />
    ${tab === "now" ? html`<div class="grid"><${Health} /><${Dependencies} /><${Tiers} /></div>` : tab === "jobs" ? html`<div class="stack"><${Jobs} chosen=${params.job} /></div>` : html`<${Settings} params=${params} />`}`;
}
