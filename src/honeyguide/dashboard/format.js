// How numbers, times and ids are written. One place, so that columns align and a figure looks the same on every page.

const LOCALE = "en";
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(LOCALE, { notation: "compact", maximumFractionDigits: 1 });
const moment = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });
const trimmed = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 3 });
const fixed = new Map();

/** With so many decimals, always. */
export function decimal(value, places = 3) {
  if (!fixed.has(places)) {
    fixed.set(places, new Intl.NumberFormat(LOCALE, { minimumFractionDigits: places, maximumFractionDigits: places }));
  }
  return isNumber(value) ? fixed.get(places).format(value) : "–";
}

export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
export const count = (value) => (isNumber(value) ? whole.format(value) : "–");
export const compact = (value) => (isNumber(value) ? (Math.abs(value) < 10_000 ? whole : short).format(value) : "–");

/** A share of 0 to 1 as per cent: as many decimals as are worth reading. */
export function percent(value, places) {
  if (!isNumber(value)) return "–";
  const shown = places ?? (Math.abs(value) >= 0.1 || value === 0 ? 0 : Math.abs(value) >= 0.01 ? 1 : 2);
  return `${decimal(value * 100, shown)} %`;
}

/** A rate per second. */
export const rate = (value) => (isNumber(value) ? decimal(value, value >= 100 ? 0 : value >= 10 ? 1 : 2) : "–");

/** Seconds as a person says them. */
export function duration(seconds) {
  if (!isNumber(seconds)) return "–";
  const size = Math.abs(seconds);
  if (size < 0.9995) return `${decimal(seconds * 1000, size < 0.01 ? 1 : 0)} ms`;
  if (size < 90) return `${decimal(seconds, size < 10 ? 1 : 0)} s`;
  if (size < 5400) return `${decimal(seconds / 60, 0)} min`;
  if (size < 129_600) return `${decimal(seconds / 3600, size < 36_000 ? 1 : 0)} h`;
  return `${decimal(seconds / 86_400, 0)} d`;
}

export function bytes(value) {
  if (!isNumber(value)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${decimal(size, unit === 0 || size >= 100 ? 0 : 1)} ${units[unit]}`;
}

export const stamp = (time) => (time == null ? "–" : `${moment.format(new Date(time))} UTC`);

/** "3 min ago"; of the future "in 3 min". */
export function ago(time, now = Date.now()) {
  if (time == null) return "–";
  const seconds = (now - new Date(time).getTime()) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  return seconds >= 0 ? `${duration(seconds)} ago` : `in ${duration(-seconds)}`;
}

export const money = (value) => (isNumber(value) ? decimal(value, 2) : "–");

/** Any value of a feature or a setting in one line. */
export function value(found) {
  if (found === null || found === undefined) return "–";
  if (typeof found === "number") return trimmed.format(found);
  if (typeof found === "boolean") return found ? "yes" : "no";
  if (Array.isArray(found)) return found.length ? found.map(value).join(", ") : "none";
  if (typeof found === "object") {
    return Object.entries(found).map(([name, each]) => `${name} ${value(each)}`).join(", ") || "none";
  }
  return String(found);
}
