// The text of /metrics as figures, and the difference of two readings as rates: what happens now, without a Prometheus.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** name -> [{labels, value}] */
export function read(text) {
  const found = new Map();
  for (const line of text.split("\n")) {
    if (!line || line[0] === "#") continue;
    const [, name, inner, figure] = LINE.exec(line) || [];
    if (!name) continue;
    const labels = {};
    for (const [, label, value] of (inner || "").matchAll(LABEL)) labels[label] = value.replace(/\\(.)/g, "$1");
    if (!found.has(name)) found.set(name, []);
    found.get(name).push({ labels, value: Number(figure.replace("Inf", "Infinity")) });
  }
  return found;
}

const fits = (labels, wanted) => Object.entries(wanted).every(([name, value]) => (Array.isArray(value) ? value.includes(labels[name]) : labels[name] === value));

/** The sum of a metric over the series that have these labels; undefined where there is none. */
export function sum(reading, name, wanted = {}) {
  const series = (reading.get(name) || []).filter(({ labels }) => fits(labels, wanted));
  return series.length ? series.reduce((total, { value }) => total + value, 0) : undefined;
}

/** The sums of a metric by one of its labels. */
export function by(reading, name, label, wanted = {}) {
  const found = {};
  for (const { labels, value } of reading.get(name) || []) {
    if (fits(labels, wanted)) found[labels[label]] = (found[labels[label]] || 0) + value;
  }
  return found;
}

/** How much counters grew from one reading to the next; one that fell was begun anew. */
export const grown = (before, after) => (after === undefined ? undefined : before === undefined || after < before ? after : after - before);

/** A quantile of a histogram between two readings, within its bucket by a straight line, as Prometheus does it. */
export function quantile(q, before, after, name, wanted = {}) {
  const edges = by(after, `${name}_bucket`, "le", wanted);
  const old = before ? by(before, `${name}_bucket`, "le", wanted) : {};
  const steps = Object.entries(edges).map(([edge, value]) => [Number(edge.replace("+Inf", "Infinity")), grown(old[edge], value)]).sort((a, b) => a[0] - b[0]);
  const total = steps.at(-1)?.[1];
  if (!total) return undefined;
  const rank = q * total;
  let [low, passed] = [0, 0];
  for (const [edge, reached] of steps) {
    if (reached >= rank) return edge === Infinity ? low : low + ((edge - low) * (rank - passed)) / Math.max(reached - passed, 1e-12);
    [low, passed] = [edge, reached];
  }
  return low;
}
