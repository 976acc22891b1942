// Ctrl K: one box from which everything can be reached.

import { html, signal, useEffect, useState } from "./preact.js";
import { get, path, query } from "./api.js";
import { PAGES } from "./pages.js";
import { Dialog } from "./parts.js";
import { go, paint } from "./state.js";

export const opened = signal(false);

const fits = (text, words) => words.every((word) => text.toLowerCase().includes(word));

/** What a text may mean that somebody types: users, items, requests. */
export async function meanings(text, signalled) {
  if (!text) return [];
  const [users, items, slate] = await Promise.all([
    get(`v1/users${query({ prefix: text, limit: 5 })}`, signalled).catch(() => ({ items: [] })),
    get(`v1/items${query({ prefix: text, limit: 5 })}`, signalled).catch(() => ({ items: [] })),
    /^[0-9A-HJKMNP-TV-Z]{26}$/.test(text) ? get(path`v1/recommendations/${text}`, signalled).catch(() => null) : null,
  ]);
  return [
    ...(slate ? [{ kind: "request", id: text, title: `Request ${text}`, about: `served to ${slate.user_id || "nobody"}` }] : []),
    ...users.items.map((user) => ({ kind: "user", id: user.user_id, title: user.user_id, about: "user" })),
    ...items.items.map((item) => ({ kind: "item", id: item.item_id, title: item.title || item.item_id, about: item.item_id, item })),
  ];
}

export const open = ({ kind, id }) =>
  kind === "item" ? go("catalogue", { item: id }) : go("explorer", kind === "request" ? { request: id } : { user: id });

export function Palette({ unlock }) {
  const [text, type] = useState("");
  const [at, move] = useState(0);
  const [found, find] = useState([]);
  useEffect(() => {
    const control = new AbortController();
    const timer = setTimeout(() => meanings(text.trim(), control.signal).then(find, () => {}), 120);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [text]);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const commands = [
    ...PAGES.map((page) => ({ title: page.title, about: "page", run: () => go(page.name) })),
    { title: "Colours: dark", about: "setting", run: () => paint("dark") },
    { title: "Colours: light", about: "setting", run: () => paint("light") },
    { title: "Colours: as the system", about: "setting", run: () => paint("") },
    { title: "Key of the API", about: "setting", run: unlock },
  ].filter(({ title }) => fits(title, words));
  const anyone = text.trim() ? [{ title: `Look up the user “${text.trim()}”`, about: "explorer", run: () => go("explorer", { user: text.trim() }) }] : [];
  const options = [...found.map((each) => ({ ...each, run: () => open(each) })), ...commands, ...anyone];
  const chosen = Math.min(at, options.length - 1);
  const close = () => { opened.value = false; };
  const run = (option) => {
    close();
    option?.run();
  };
  const press = (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && options.length) {
      event.preventDefault();
      move((chosen + by + options.length) % options.length);
      document.getElementById(`option-${(chosen + by + options.length) % options.length}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(options[chosen]);
    }
  };
  return html`<${Dialog} title="Go to" close=${close}>
    <input class="palette" type="text" role="combobox" aria-expanded="true" aria-controls="options" aria-activedescendant=${options.length ? `option-${chosen}` : undefined}
      aria-label="User, item, request or page" placeholder="User, item, request or page" value=${text} autocomplete="off" spellcheck="false"
      onInput=${(event) => { type(event.target.value); move(0); }} onKeyDown=${press} autofocus />
    <ul id="options" class="options" role="listbox" aria-label="Where to go">${options.map((option, index) => html`<li key=${index} id=${`option-${index}`} role="option" aria-selected=${index === chosen}
      onClick=${() => run(option)} onMouseMove=${() => index !== chosen && move(index)}><span>${option.title}</span><small>${option.about}</small></li>`)}</ul>
  <//>`;
}
