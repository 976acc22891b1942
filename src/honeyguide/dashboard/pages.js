// The pages in the order of the rail. A page that is not here does not exist.

import { Overview } from "./overview.js";
import { System } from "./system.js";

export const PAGES = [
  { name: "overview", title: "Overview", quiet: true, show: Overview, icon: "M3 11h6V3H3zM11 17h6V9h-6zM3 17h6v-4H3zM11 7h6V3h-6z" },
  { name: "system", title: "System", show: System, icon: "M4 4h12v5H4zM4 11h12v5H4zM7 6.500h.01M7 13.500h.01" },
];
