// The parts that pages are made of: panels, tables, tiles, badges, states. A page has no markup of its own for these.

import { html, useEffect, useLayoutEffect, useRef, useState } from "./preact.js";
import { asCurl, asPython } from "./api.js";
import { ago, count, isNumber, stamp } from "./format.js";
import { follow, address } from "./state.js";

/** A link to a page of the dashboard. */
export const To = ({ page, params, children, ...rest }) =>
  html`<a ...${rest} href=${address(page, params)} onClick=${(event) => follow(event, page, params)}>${children}</a>`;

export const Badge = ({ kind = "", children, title }) => html`<span class="badge ${kind}" title=${title}>${children}</span>`;

/** A moment: how long ago, and when exactly where one looks for it. */
export const When = ({ at }) => (at == null ? "–" : html`<time datetime=${new Date(at).toISOString()} title=${stamp(at)}>${ago(at)}</time>`);

export const Id = ({ children }) => html`<code class="id">${children}</code>`;

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = Object.assign(document.createElement("textarea"), { value: text, className: "offscreen" }); // plain http has no clipboard
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  return undefined;
}

/** A button that says that it has been done. */
export function CopyButton({ text, children }) {
  const [done, say] = useState(false);
  useEffect(() => {
    const timer = done ? setTimeout(() => say(false), 1600) : 0;
    return () => clearTimeout(timer);
  }, [done]);
  const click = async () => {
    await copy(typeof text === "function" ? text() : text);
    say(true);
  };
  return html`<button type="button" class="quiet" onClick=${click}>${done ? "Copied" : children}</button>`;
}

/** "Copy as curl / Python" of the call that a panel is made of. */
export const Copies = ({ request }) =>
  html`<span class="copies" role="group" aria-label="Copy this call">
    <${CopyButton} text=${() => asCurl(request)}>curl<//><${CopyButton} text=${() => asPython(request)}>Python<//>
  </span>`;

/** A part of a page with its title. `request` is the call that it shows. */
export const Panel = ({ title, note, request, actions, wide, id, children }) =>
  html`<section class="panel ${wide ? "wide" : ""}" aria-labelledby=${id ?? slug(title)}>
    <header>
      <h2 id=${id ?? slug(title)}>${title}</h2>
      ${note && html`<p class="note">${note}</p>`}
      <div class="actions">${actions}${request && html`<${Copies} request=${request} />`}</div>
    </header>
    ${children}
  </section>`;

const slug = (title) => `part-${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;

export const Loading = ({ lines = 3 }) =>
  html`<div class="loading" role="status"><span class="offscreen">Loading</span>${Array.from({ length: lines }, (_, n) => html`<i key=${n}></i>`)}</div>`;

export const Empty = ({ title, children }) => html`<div class="empty"><p class="lead">${title}</p>${children && html`<div>${children}</div>`}</div>`;

/** What went wrong, in the words of the API, and a way on. */
export const Failed = ({ error, again }) =>
  html`<div class="failed" role="alert">
    <p class="lead">${error.message}</p>
    ${error.errors?.map((each) => html`<p key=${each.pointer}><code>${each.pointer}</code> ${each.detail}</p>`)}
    <p class="note">${error.code}${error.requestId && html` · request <${Id}>${error.requestId}<//>`}</p>
    ${again && html`<button type="button" class="quiet" onClick=${again}>Try again</button>`}
  </div>`;

/** The three states of something that is loaded, or what it is. */
export function Loaded({ from, lines, children }) {
  if (from.value === undefined && from.error) return html`<${Failed} error=${from.error} again=${from.again} />`;
  if (from.value === undefined) return html`<${Loading} lines=${lines} />`;
  return html`${from.error && html`<p class="behind" role="status">Not up to date: ${from.error.message}</p>`}${children(from.value)}`;
}

const cell = (column, row) => (column.value ? column.value(row) : row[column.name]);

/** A field of a CSV file; what a spreadsheet would take for a formula is kept from being one. */
function field(value) {
  const text = value == null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const csv = (columns, rows) =>
  [columns.map((column) => field(column.title)), ...rows.map((row) => columns.map((column) => field(cell(column, row))))]
    .map((line) => line.join(",")).join("\r\n") + "\r\n";

function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const compared = (a, b) => (a == null ? 1 : b == null ? -1 : isNumber(a) && isNumber(b) ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));

/**
 * A table that sorts and can be taken away as CSV. `columns`: {name, title, value(row), show(row), number}; `value` is what is
 * sorted by and written to the file, `show` what is seen; `unseen`: the title is for who hears it.
 */
export function Table({ columns, rows, name, caption, empty, rowKey, pick, most = 200 }) {
  const [order, sort] = useState(null);
  if (!rows.length) return html`<${Empty} title=${empty ?? "Nothing here yet."} />`;
  const by = order && columns.find((column) => column.name === order.name);
  const sorted = by ? [...rows].sort((a, b) => order.sign * compared(cell(by, a), cell(by, b))) : rows;
  const turn = (column) => sort(order?.name === column.name ? (order.sign < 0 ? null : { ...order, sign: -1 }) : { name: column.name, sign: 1 });
  const state = (column) => (by !== column ? "none" : order.sign > 0 ? "ascending" : "descending");
  return html`<div class="table" tabindex="0" role="group" aria-label=${caption}>
      <table>
        <caption class="offscreen">${caption}</caption>
        <thead><tr>${columns.map((column) => html`<th key=${column.name} scope="col" class=${column.number ? "number" : ""} aria-sort=${state(column)}>
          ${column.unseen ? html`<span class="offscreen">${column.title}</span>` : html`<button type="button" onClick=${() => turn(column)}>${column.title}<span aria-hidden="true">${by !== column ? "" : order.sign > 0 ? " ↑" : " ↓"}</span></button>`}</th>`)}</tr></thead>
        <tbody>${sorted.slice(0, most).map((row, index) => html`<tr key=${rowKey ? rowKey(row) : index} class=${pick?.(row) ? "picked" : ""}>
          ${columns.map((column) => html`<td key=${column.name} class=${column.number ? "number" : ""}>${column.show ? column.show(row) : cell(column, row) ?? "–"}</td>`)}</tr>`)}</tbody>
      </table>
    </div>
    <p class="foot"><span>${count(rows.length)} ${rows.length === 1 ? "row" : "rows"}${rows.length > most ? `, the first ${count(most)} are shown` : ""}</span>
      <button type="button" class="quiet" onClick=${() => download(`${name}.csv`, csv(columns, sorted))}>CSV</button></p>`;
}

/** Names and what they are. */
export const Facts = ({ of }) =>
  html`<dl class="facts">${of.filter(Boolean).map(([name, found, title]) => html`<div key=${name}><dt title=${title}>${name}</dt><dd>${found}</dd></div>`)}</dl>`;

/** A bar of a share of 0 to 1 beside its figure. */
export const Bar = ({ share, kind = "", children }) =>
  html`<span class="bar ${kind}"><svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="4" class="rest" /><rect width=${Math.max(0, Math.min(1, share || 0)) * 100} height="4" /></svg><span>${children}</span></span>`;

const hosts = (document.querySelector('meta[name="honeyguide-images"]')?.content || "").split(" ").filter(Boolean);

/** The address of a picture if the page may load it: an image of its own, or from where the configuration lets it come. */
export function picture(address) {
  if (!address) return null;
  if (/^data:image\/(svg\+xml|png|jpeg|gif|webp|avif)[;,]/i.test(address)) return address;
  try {
    const { protocol, origin } = new URL(address);
    return /^https?:$/.test(protocol) && hosts.includes(origin) ? address : null;
  } catch {
    return null;
  }
}

/** The page of an item in the shop, if that is what its address is. */
export function outward(address) {
  try {
    return /^https?:$/.test(new URL(address).protocol) ? address : null;
  } catch {
    return null;
  }
}

/** What an item looks like; without a picture its first letter. */
export function Cover({ item, size = "" }) {
  const [broken, breaks] = useState(false);
  const source = picture(item?.image_url);
  const letter = [...(item?.title || item?.item_id || "?").trim()][0]?.toUpperCase() ?? "?";
  return source && !broken
    ? html`<img class="cover ${size}" src=${source} alt="" loading="lazy" decoding="async" onError=${() => breaks(true)} />`
    : html`<span class="cover ${size} none" aria-hidden="true">${letter}</span>`;
}

/** A dialog of the browser's own: focus stays in it, Escape closes it. */
export function Dialog({ title, close, children }) {
  const frame = useRef(null);
  useLayoutEffect(() => {
    frame.current.showModal(); // before the next key is pressed
  }, []);
  return html`<dialog ref=${frame} class="dialog" aria-label=${title} onClose=${close} onClick=${(event) => event.target === frame.current && close()}>
    <div class="inside"><header><h2>${title}</h2><button type="button" class="quiet" onClick=${close} aria-label="Close">Close</button></header>${children}</div>
  </dialog>`;
}

/** Parts of a page of which one is seen; which one stands in the address. */
export const Tabs = ({ tabs, chosen, choose, label }) =>
  html`<div class="tabs" role="tablist" aria-label=${label}>
    ${tabs.map(([name, title], index) => html`<button key=${name} type="button" role="tab" id=${`tab-${name}`} aria-selected=${name === chosen} tabindex=${name === chosen ? 0 : -1}
      onClick=${() => choose(name)} onKeyDown=${(event) => step(event, tabs, index, choose)}>${title}</button>`)}
  </div>`;

function step(event, tabs, index, choose) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  const next = tabs[(index + by + tabs.length) % tabs.length][0];
  choose(next);
  document.getElementById(`tab-${next}`)?.focus();
}
