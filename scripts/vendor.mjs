// Put the front-end files that honeyguide ships into src/honeyguide/static/vendor/. Run by `make vendor`, after `npm ci`.
//
// The packages are pinned by package-lock.json and are not committed; the wheel carries the files.
// Each package's licence goes along, and vendor.json says which version every file came from.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "src/honeyguide/static/vendor");

// package -> (file in the package -> name in static/vendor)
const FILES = {
  "swagger-ui-dist": {
    "swagger-ui-bundle.js": "swagger-ui-bundle.js",
    "swagger-ui.css": "swagger-ui.css",
    "favicon-32x32.png": "swagger-ui-favicon.png",
    LICENSE: "swagger-ui.LICENSE.txt",
    NOTICE: "swagger-ui.NOTICE.txt",
    "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-bundle.js.LICENSE.txt",
  },
  "@picocss/pico": { "css/pico.min.css": "pico.css", "LICENSE.md": "pico.LICENSE.txt" },
};

// name in static/vendor -> the package it is named after, and what the dashboard uses of it: the rest is left out
const BUNDLES = {
  "preact.js": {
    from: "preact",
    source: `
      import { h } from "preact";
      import htm from "htm";
      export { render, Fragment } from "preact";
      export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
      export { signal, computed, effect, batch } from "@preact/signals";
      export const html = htm.bind(h);`,
  },
  "plot.js": {
    from: "@observablehq/plot",
    source: `
      export { plot, lineY, areaY, line, dot, barX, barY, rect, rectY, cell, link, text, ruleX, ruleY, tickX, tip, pointerX,
        pointer, crosshairX, stackY, axisX, axisY, gridX, gridY } from "@observablehq/plot";`,
  },
};

// Source maps are not shipped (megabytes), so the pointer to them goes too: a browser would ask for it and get a 404.
const withoutSourceMap = (bytes, name) =>
  /\.(js|css)$/.test(name) ? Buffer.from(bytes.toString("utf8").replace(/\s*\/[/*]# sourceMappingURL=[^\s]*(\s*\*\/)?\s*$/, "\n")) : bytes;

const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
const manifest = {};
let total = 0;

function about(pkg) {
  const { version, license } = JSON.parse(readFileSync(join(root, "node_modules", pkg, "package.json"), "utf8"));
  if (packages[`node_modules/${pkg}`].version !== version) {
    throw new Error(`node_modules holds ${pkg} ${version}, package-lock.json another one; run: npm ci`);
  }
  return { package: pkg, version, license };
}

function put(name, bytes, origin) {
  writeFileSync(join(target, name), bytes);
  manifest[name] = { ...origin, sha256: createHash("sha256").update(bytes).digest("hex") };
  total += bytes.length;
}

function licence(pkg) {
  const folder = join(root, "node_modules", pkg);
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  const { version, license } = about(pkg);
  return `${pkg} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), "utf8").trim() : "The package carries no text of its licence."}\n`;
}

/** One file of ES modules, with the licences of all packages that went into it beside it. */
async function bundle(name, { from, source }) {
  const built = await build({
    stdin: { contents: source, resolveDir: root },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    metafile: true,
    write: false,
  });
  const used = new Set();
  for (const input of Object.keys(built.metafile.inputs)) {
    const found = input.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    if (found) used.add(found[1]);
  }
  put(name, Buffer.from(built.outputFiles[0].contents), about(from));
  const texts = [...used].sort().filter((pkg) => existsSync(join(root, "node_modules", pkg))).map(licence);
  put(name.replace(/\.js$/, ".LICENSE.txt"), Buffer.from(texts.join("\n----\n\n")), about(from));
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const [pkg, files] of Object.entries(FILES)) {
  const origin = about(pkg);
  for (const [source, name] of Object.entries(files)) {
    put(name, withoutSourceMap(readFileSync(join(root, "node_modules", pkg, source)), name), origin);
  }
}
for (const [name, made] of Object.entries(BUNDLES)) await bundle(name, made);
// Written last: `make` takes its presence to mean that all is there.
writeFileSync(join(target, "vendor.json"), `${JSON.stringify(manifest, null, 2)}\n`);
console.log(`static/vendor: ${Object.keys(manifest).length} files, ${Math.round(total / 1000)} kB`);
