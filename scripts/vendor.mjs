// Put the front-end files that honeyguide ships into src/honeyguide/static/vendor/. Run by `make vendor`, after `npm ci`.
//
// The packages are pinned by package-lock.json and are not committed; the wheel carries the files.
// Each package's licence goes along, and vendor.json says which version every file came from.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

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
};

// Source maps are not shipped (megabytes), so the pointer to them goes too: a browser would ask for it and get a 404.
const withoutSourceMap = (bytes, name) =>
  /\.(js|css)$/.test(name) ? Buffer.from(bytes.toString("utf8").replace(/\s*\/[/*]# sourceMappingURL=[^\s]*(\s*\*\/)?\s*$/, "\n")) : bytes;

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const manifest = {};
let total = 0;
for (const [pkg, files] of Object.entries(FILES)) {
  const { version, license } = JSON.parse(readFileSync(join(root, "node_modules", pkg, "package.json"), "utf8"));
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  if (packages[`node_modules/${pkg}`].version !== version) {
    throw new Error(`node_modules holds ${pkg} ${version}, package-lock.json another one; run: npm ci`);
  }
  for (const [source, name] of Object.entries(files)) {
    const bytes = withoutSourceMap(readFileSync(join(root, "node_modules", pkg, source)), name);
    writeFileSync(join(target, name), bytes);
    manifest[name] = { package: pkg, version, license, sha256: createHash("sha256").update(bytes).digest("hex") };
    total += bytes.length;
  }
}
// Written last: `make` takes its presence to mean that all is there.
writeFileSync(join(target, "vendor.json"), `${JSON.stringify(manifest, null, 2)}\n`);
console.log(`static/vendor: ${Object.keys(manifest).length} files, ${Math.round(total / 1000)} kB`);
