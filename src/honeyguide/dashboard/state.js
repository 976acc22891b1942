// Every state is in the address: the page is its last part, the rest stands behind "#", so that no log of a server or a proxy
// gets to see whom somebody looked up. Going back goes back.

import { batch, signal } from "./preact.js";

const read = () => {
  const { pathname, hash } = window.location;
  return { page: decodeURIComponent(pathname.split("/").pop()) || "overview", params: Object.fromEntries(new URLSearchParams(hash.slice(1))) };
};

export const where = signal(read());
for (const event of ["popstate", "hashchange"]) window.addEventListener(event, () => {
  where.value = read();
});

/** The address of a page; parameters that are empty are left out. */
export function address(page, params = {}) {
  const kept = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false);
  const query = new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
  return `${page === "overview" ? "./" : encodeURIComponent(page)}${query ? `#${query}` : ""}`;
}

/** Go to a page: a step that "back" undoes. */
export function go(page, params = {}) {
  window.history.pushState(null, "", address(page, params));
  batch(() => {
    where.value = read();
  });
  window.scrollTo(0, 0);
}

/** Change parameters of the page that is shown, in place. */
export function set(changes) {
  const { page, params } = where.value;
  window.history.replaceState(null, "", address(page, { ...params, ...changes }));
  where.value = read();
}

/** What a link inside the dashboard does when it is clicked; with ctrl or the middle button the browser does what it does. */
export function follow(event, page, params) {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(page, params);
}

const stored = (area, name) => {
  try {
    return area.getItem(name) ?? "";
  } catch {
    return ""; // a browser may forbid storage
  }
};
const store = (area, name, value) => {
  try {
    if (value) area.setItem(name, value);
    else area.removeItem(name);
  } catch {
    // then it is forgotten with the page
  }
};

/** `light`, `dark`, or nothing: as the system has it. */
export const scheme = signal(stored(window.localStorage, "honeyguide.scheme"));
export function paint(chosen) {
  scheme.value = chosen;
  store(window.localStorage, "honeyguide.scheme", chosen);
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}
paint(scheme.value);

/** The key of the API lives as long as the tab, and in no address. */
export const key = signal(stored(window.sessionStorage, "honeyguide.key"));
export function unlock(given) {
  key.value = given;
  store(window.sessionStorage, "honeyguide.key", given);
}
