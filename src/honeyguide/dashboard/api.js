// Everything that is shown comes from the public API, by paths beside the dashboard, so that any prefix of a proxy works.

import { signal, useEffect, useRef, useState } from "./preact.js";
import { key } from "./state.js";

const ROOT = new URL("../", import.meta.url);

/** Whether the last answer was that a key is missing or wrong. */
export const locked = signal("");

/** What the API said went wrong, with what mends it. */
export class Problem extends Error {
  constructor(body, status) {
    super(body.detail || body.title || `The server answered ${status}.`);
    this.code = body.code || "unknown";
    this.status = status;
    this.errors = body.errors || [];
    this.requestId = body.request_id || "";
  }
}

export const path = (strings, ...values) =>
  strings.reduce((text, part, index) => text + part + (index < values.length ? encodeURIComponent(values[index]) : ""), "");

/** Parameters as a query; a list repeats its name. */
export function query(params) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === null || value === "") continue;
    for (const each of Array.isArray(value) ? value : [value]) found.append(name, each);
  }
  const text = found.toString();
  return text ? `?${text}` : "";
}

async function answerOf(method, target, body, signalled) {
  const headers = {};
  if (key.value) headers.authorization = `Bearer ${key.value}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    return await fetch(new URL(target, ROOT), {
      method, headers, signal: signalled, body: body === undefined ? undefined : JSON.stringify(body), credentials: "omit",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ code: "unreachable", detail: "The server does not answer. Is it running, and is the network there?" }, 0);
  }
}

/** Call the API: the answer as JSON or text. Throws `Problem`. */
export async function call(method, target, body, signalled) {
  const answer = await answerOf(method, target, body, signalled);
  if (answer.status === 204) return null;
  const json = /json/.test(answer.headers.get("content-type") || "");
  if (!answer.ok) {
    const problem = new Problem(json ? await answer.json() : {}, answer.status);
    if (answer.status === 401) locked.value = problem.message;
    throw problem;
  }
  return json ? answer.json() : answer.text();
}

export const get = (target, signalled) => call("GET", target, undefined, signalled);

/**
 * What `load(signal)` gives, again when `needs` change, and every `every` ms while the tab is seen.
 * While it is loaded again the old value stays, so that nothing jumps.
 */
export function useLoad(load, needs, { every = 0 } = {}) {
  const [state, show] = useState({ value: undefined, error: null, loading: true, at: 0 });
  const run = useRef(() => {});
  useEffect(() => {
    let control = null;
    let last = 0;
    const once = async () => {
      control?.abort();
      const mine = (control = new AbortController());
      last = Date.now();
      try {
        const value = await load(mine.signal);
        if (!mine.signal.aborted) show({ value, error: null, loading: false, at: Date.now() });
      } catch (error) {
        if (!mine.signal.aborted) show((old) => ({ ...old, error, loading: false }));
      }
    };
    run.current = once;
    show((old) => ({ ...old, loading: true }));
    once();
    const tick = every ? setInterval(() => !document.hidden && once(), every) : 0;
    const seen = () => every && !document.hidden && Date.now() - last >= every && once();
    document.addEventListener("visibilitychange", seen);
    return () => {
      control?.abort();
      clearInterval(tick);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [...needs, key.value]);
  return { ...state, again: () => run.current() };
}

/** All pages of a list, up to `most` entries. */
export async function all(target, most, signalled) {
  const found = [];
  let cursor = null;
  do {
    const joint = target.includes("?") ? "&" : "?";
    const page = await get(`${target}${joint}limit=${Math.min(1000, most - found.length)}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`, signalled);
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && found.length < most);
  return found;
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The same call as a line for a shell. The key stands there by its name only. */
export function asCurl({ method = "GET", target, body }) {
  const parts = ["curl"];
  if (method !== "GET") parts.push(`-X ${method}`);
  parts.push(quoted(new URL(target, ROOT).href));
  if (key.value) parts.push('-H "Authorization: Bearer $HONEYGUIDE_KEY"');
  if (body !== undefined) parts.push("-H 'content-type: application/json'", `-d ${quoted(JSON.stringify(body))}`);
  return parts.join(" ");
}

const literal = (value) =>
  value === null ? "None"
  : value === true ? "True"
  : value === false ? "False"
  : Array.isArray(value) ? `[${value.map(literal).join(", ")}]`
  : typeof value === "object" ? `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${literal(each)}`).join(", ")}}`
  : JSON.stringify(value);

/** The same call in Python, with httpx. */
export function asPython({ method = "GET", target, body }) {
  const given = [JSON.stringify(new URL(target, ROOT).href)];
  if (body !== undefined) given.push(`json=${literal(body)}`);
  if (key.value) given.push('headers={"Authorization": f"Bearer {os.environ[\'HONEYGUIDE_KEY\']}"}');
  return `import httpx${key.value ? ", os" : ""}\n\nprint(httpx.request("${method}", ${given.join(", ")}).json())`;
}
