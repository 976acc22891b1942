// Readings of /metrics while the dashboard is open: what happens now, on every page that asks.

import { signal, useEffect } from "./preact.js";
import { get } from "./api.js";
import { grown, quantile, read, sum, by } from "./metrics.js";

const EVERY = 5000;
const KEPT = 121; // ten minutes

/** [{at, reading}], oldest first. */
export const readings = signal([]);
export const failure = signal(null);
let watchers = 0;
let timer = 0;

async function take() {
  if (!document.hidden) {
    try {
      const reading = read(await get("metrics"));
      readings.value = [...readings.value, { at: Date.now(), reading }].slice(-KEPT);
      failure.value = null;
    } catch (error) {
      failure.value = error;
    }
  }
  if (watchers) timer = setTimeout(take, readings.value.length < 4 ? 1000 : EVERY);
}

/** Read on while this part of the page is seen. */
export function useLive() {
  useEffect(() => {
    watchers += 1;
    if (watchers === 1) take();
    return () => {
      watchers -= 1;
      if (!watchers) clearTimeout(timer);
    };
  }, []);
  return readings.value;
}

/** `figure(before, after, seconds)` of each step between two readings: [{at, value}]. */
export const course = (taken, figure) =>
  taken.slice(1).map((after, index) => {
    const before = taken[index];
    const seconds = (after.at - before.at) / 1000;
    return { at: after.at, value: seconds < 30 ? figure(before.reading, after.reading, seconds) : undefined };
  });

/** The same over the last minute, or since the start of the server where there is one reading only. */
export function lately(taken, figure, uptime) {
  const after = taken.at(-1);
  if (!after) return undefined;
  const before = taken.length > 1 ? taken.findLast((each) => after.at - each.at >= 60_000) ?? taken[0] : null;
  return figure(before?.reading, after.reading, before ? (after.at - before.at) / 1000 : uptime);
}

const of = (name, wanted) => (before, after) => grown(before && sum(before, name, wanted), sum(after, name, wanted));
export const LISTS = "honeyguide_recommend_requests_total";
export const TOOK = "honeyguide_recommend_duration_seconds";

export const perSecond = (name, wanted) => (before, after, seconds) => (of(name, wanted)(before, after) ?? 0) / seconds;
export const slow = (q, wanted) => (before, after) => quantile(q, before, after, TOOK, wanted);

/** The share of lists with these labels among all, or among those with `among`. */
export const shareOf = (wanted, among = {}) => (before, after) => {
  const all = of(LISTS, among)(before, after);
  return all ? (of(LISTS, { ...among, ...wanted })(before, after) ?? 0) / all : undefined;
};
export const KEPT_TIERS = ["l1", "l2", "stale"];

/** The names under one label of the lists that were served. */
export const names = (taken, label) => Object.keys(taken.length ? by(taken.at(-1).reading, LISTS, label) : {});
