// Observable Plot with what every chart here needs: the words for who cannot see it, the figures as a table, no styles that a
// strict policy of content would refuse.

import { html, useEffect, useLayoutEffect, useRef, useState } from "./preact.js";
import * as Plot from "./plot.js";

export { Plot };

/** A colour of `app.css` by its name: charts follow light and dark. */
export const colour = (name) => `var(--${name})`;

/** Draw `options(width)` into a figure that is as wide as its place. `table`: {columns, rows} says the same in figures. */
export function Chart({ label, options, height = 180, needs, table }) {
  const place = useRef(null);
  const [width, measure] = useState(0);
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => measure(Math.round(entry.contentRect.width)));
    watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (!width) return;
    const drawn = Plot.plot({ width, height, marginLeft: 44, marginBottom: 24, marginTop: 12, className: "plot", ...options(width) });
    for (const style of drawn.querySelectorAll("style")) style.remove(); // the rules are in app.css
    const drawing = drawn.matches("svg") ? drawn : drawn.querySelector("svg");
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", label);
    for (const part of drawing.querySelectorAll("g[aria-label]")) part.removeAttribute("aria-label");
    for (const part of drawing.querySelectorAll("g")) part.setAttribute("aria-hidden", "true");
    place.current.replaceChildren(drawn);
  }, [width, ...needs]);
  return html`<div class="chart"><div ref=${place} class=${`drawn h${height}`}></div>
    ${table && html`<details><summary>Figures</summary><div class="table" tabindex="0" role="group" aria-label=${`${label}: figures`}><table>
      <thead><tr>${table.columns.map((name) => html`<th key=${name} scope="col">${name}</th>`)}</tr></thead>
      <tbody>${table.rows.map((row, index) => html`<tr key=${index}>${row.map((each, n) => html`<td key=${n} class=${n ? "number" : ""}>${each}</td>`)}</tr>`)}</tbody>
    </table></div></details>`}</div>`;
}

/** A line without axes: how a figure went. Points are numbers, gaps are null. */
export function Spark({ points, kind = "" }) {
  const known = points.filter((point) => Number.isFinite(point));
  if (known.length < 2) return html`<svg class="spark" viewBox="0 0 100 24" aria-hidden="true"></svg>`;
  const low = Math.min(...known);
  const high = Math.max(...known);
  const at = (point, index) => `${((index / (points.length - 1)) * 100).toFixed(2)},${(high === low ? 12 : 22 - ((point - low) / (high - low)) * 20).toFixed(2)}`;
  const line = points.map((point, index) => (Number.isFinite(point) ? at(point, index) : null)).filter(Boolean);
  const [first, last] = [line[0].split(",")[0], line.at(-1).split(",")[0]];
  return html`<svg class="spark ${kind}" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
    <polygon points=${`${first},24 ${line.join(" ")} ${last},24`} /><polyline points=${line.join(" ")} /></svg>`;
}

/** What the colours mean. */
export const Legend = ({ of }) =>
  html`<ul class="legend">${of.map(([name, tint, figure]) => html`<li key=${name}><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2" fill=${colour(tint)} /></svg>${name}${figure != null && html` <b>${figure}</b>`}</li>`)}</ul>`;
