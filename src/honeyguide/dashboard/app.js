// The frame: where one is, where one can go, and what is the matter if nothing can be shown.

import { html, render, signal, useEffect, useRef, useState } from "./preact.js";
import { call, locked } from "./api.js";
import { Palette, opened } from "./palette.js";
import { PAGES } from "./pages.js";
import { Dialog, Empty, To } from "./parts.js";
import { key, paint, scheme, unlock, where } from "./state.js";

const asking = signal(false);

function Unlock() {
  const [given, type] = useState("");
  const [wrong, say] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    unlock(given.trim());
    locked.value = "";
    try {
      await call("GET", "v1/system");
      asking.value = false;
    } catch (error) {
      say(error.message);
    }
  };
  return html`<${Dialog} title="Key of the API" close=${() => { asking.value = false; locked.value = ""; }}>
    <form onSubmit=${submit}>
      <label>Key <input type="password" autocomplete="off" value=${given} onInput=${(event) => type(event.target.value)} aria-describedby="key-note" required /></label>
      <p class="note" id="key-note">The value of <code>auth.key</code> in the configuration of the server. It stays in this tab and is forgotten with it.</p>
      ${wrong && html`<p class="failed" role="alert">${wrong}</p>`}
      <p class="buttons"><button type="submit">Use it</button>${key.value && html`<button type="button" class="quiet" onClick=${() => { unlock(""); asking.value = false; }}>Forget it</button>`}</p>
    </form>
  <//>`;
}

const NEXT = { "": "dark", dark: "light", light: "" };
const SCHEMES = { "": "as the system", dark: "dark", light: "light" };

const Icon = ({ of }) => html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d=${of} /></svg>`;

function Frame() {
  const { page, params } = where.value;
  const shown = PAGES.find((each) => each.name === page);
  const main = useRef(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${shown?.title ?? "Not here"} · honeyguide`;
    if (!first.current) main.current.focus({ preventScroll: true });
    first.current = false;
  }, [page]);
  useEffect(() => {
    const press = (event) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        opened.value = !opened.value;
      } else if (event.key === "/" && !/^(input|textarea|select)$/i.test(event.target.tagName)) {
        event.preventDefault();
        opened.value = true;
      }
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
  return html`<a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); main.current.focus(); }}>To the content</a>
    <header class="top">
      <${To} page="overview" class="homeward" aria-label="honeyguide: to the overview"><img src="mark.svg" alt="" width="26" height="26" /><b>honeyguide</b><//>
      <button type="button" class="search" onClick=${() => { opened.value = true; }} aria-keyshortcuts="Control+K Meta+K">
        <${Icon} of="M9 3a6 6 0 1 0 0 12A6 6 0 0 0 9 3zm4.500 10.500L17 17" /><span>Go to a user, an item, a page</span><kbd>Ctrl K</kbd></button>
      <button type="button" class="quiet" onClick=${() => paint(NEXT[scheme.value])} aria-label=${`Colours: ${SCHEMES[scheme.value]}`} title=${`Colours: ${SCHEMES[scheme.value]}`}>
        <${Icon} of=${scheme.value === "dark" ? "M15.500 12.500A6.500 6.500 0 0 1 7.500 4.500a6.500 6.500 0 1 0 8 8z" : scheme.value === "light" ? "M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM10 1.500v2M10 16.500v2M1.500 10h2M16.500 10h2M4 4l1.400 1.400M14.600 14.600L16 16M4 16l1.400-1.400M14.600 5.400L16 4" : "M10 3a7 7 0 1 0 0 14V3zm0 0a7 7 0 0 1 0 14"} /></button>
      <button type="button" class="quiet ${key.value ? "has" : ""}" onClick=${() => { asking.value = true; }} aria-label=${key.value ? "Key of the API: in use" : "Key of the API: none"} title="Key of the API">
        <${Icon} of="M7 8a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zm2.600 1L16 3m-3 3l2.500 2.500" /></button>
    </header>
    <nav class="rail" aria-label="Pages"><ul>${PAGES.map((each) => html`<li key=${each.name}>
      <${To} page=${each.name} aria-current=${each.name === page ? "page" : undefined}><${Icon} of=${each.icon} />${each.title}<//></li>`)}</ul>
      <p><a href="../docs">API reference</a></p></nav>
    <main id="main" ref=${main} tabindex="-1">
      ${locked.value && !asking.value ? html`<${Empty} title="This server asks for a key."><p>${locked.value}</p>
          <button type="button" onClick=${() => { asking.value = true; }}>Give the key</button><//>`
        : shown ? html`<h1 class=${shown.quiet ? "offscreen" : ""}>${shown.title}</h1><${shown.show} params=${params} key=${page} />`
        : html`<${Empty} title=${`There is no page ${JSON.stringify(page)}.`}><${To} page="overview">To the overview<//><//>`}
    </main>
    ${opened.value && html`<${Palette} unlock=${() => { asking.value = true; }} />`}
    ${asking.value && html`<${Unlock} />`}`;
}

document.getElementById("app").replaceChildren();
render(html`<${Frame} />`, document.getElementById("app"));
