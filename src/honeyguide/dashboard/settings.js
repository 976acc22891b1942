// The configuration in effect: each setting, and where its value comes from.

import { html } from "./preact.js";
import { get, useLoad } from "./api.js";
import { Badge, Loaded, Panel, Table } from "./parts.js";
import { set } from "./state.js";

/** Settings one by one, by their dotted names; entries of a list by their names. */
function flat(found, sources, at = "", from = "") {
  return Object.entries(found).flatMap(([name, each]) => {
    const [dotted, own] = [at ? `${at}.${name}` : name, sources[at ? `${at}.${name}` : name] ?? from];
    if (Array.isArray(each) && each.some((one) => one && typeof one === "object")) {
      return each.flatMap((one, index) => flat(one, sources, `${dotted}.${one.name ?? index}`, own));
    }
    if (each && typeof each === "object" && !Array.isArray(each) && Object.keys(each).length) return flat(each, sources, dotted, own);
    return [{ name: dotted, value: each, source: own || "" }];
  });
}

const written = (found) => (found === null ? "not set" : typeof found === "string" ? found || "empty" : JSON.stringify(found));
const kind = (source) => (source === "default" || !source ? "" : /^HONEYGUIDE|^--/.test(source) ? "mind" : "mark");

export function Settings({ params }) {
  const found = useLoad((signalled) => get("v1/config", signalled), []);
  const columns = [
    { name: "name", title: "Setting", show: (row) => html`<code>${row.name}</code>` },
    { name: "value", title: "Value", value: (row) => written(row.value), show: (row) => html`<span class="setting">${written(row.value)}</span>` },
    { name: "source", title: "Comes from", show: (row) => (row.source ? html`<${Badge} kind=${kind(row.source)}>${row.source}<//>` : html`<span class="note">built in</span>`) },
  ];
  return html`<${Panel} title="Configuration" request=${{ target: "v1/config" }} actions=${html`<label class="inline"><input type="checkbox" checked=${Boolean(params.given)} onChange=${(event) => set({ given: event.target.checked ? "1" : "" })} /> only what is given</label>`}>
    <${Loaded} from=${found} lines=${8}>${({ settings, sources }) => {
      const rows = flat(settings, sources).filter((row) => !params.given || (row.source && row.source !== "default"));
      return html`<${Table} columns=${columns} rows=${rows} name="configuration" caption="Settings" most=${1000} empty="Nothing is given: all settings are as they come." rowKey=${(row) => row.name} />`;
    }}<//><//>`;
}
