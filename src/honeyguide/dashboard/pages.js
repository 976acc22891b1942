// The pages in the order of the rail. A page that is not here does not exist.

import { Catalogue } from "./catalogue.js";
import { Experiments } from "./experiments.js";
import { Explorer } from "./explorer.js";
import { Models } from "./models.js";
import { Overview } from "./overview.js";
import { Quality } from "./quality.js";
import { System } from "./system.js";

export const PAGES = [
  { name: "overview", title: "Overview", quiet: true, show: Overview, icon: "M3 11h6V3H3zM11 17h6V9h-6zM3 17h6v-4H3zM11 7h6V3h-6z" },
  { name: "explorer", title: "Explorer", show: Explorer, icon: "M8.500 3a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11zM12.500 12.500L17 17" },
  { name: "experiments", title: "Experiments", show: Experiments, icon: "M8 2.500h4M9 2.500v5l-4.500 8a1.300 1.300 0 0 0 1.200 2h8.600a1.300 1.300 0 0 0 1.200-2l-4.500-8v-5M6.500 12.500h7" },
  { name: "models", title: "Models", show: Models, icon: "M10 2.500l6.500 3.700v7.500L10 17.500l-6.500-3.800V6.200zM3.500 6.200L10 10l6.500-3.800M10 10v7.500" },
  { name: "catalogue", title: "Catalogue", show: Catalogue, icon: "M3 5h14M3 10h14M3 15h9" },
  { name: "quality", title: "Quality", show: Quality, icon: "M3 16.500h14M4.500 13l3.500-4 3 2.500 5-6.500" },
  { name: "system", title: "System", show: System, icon: "M4 4h12v5H4zM4 11h12v5H4zM7 6.500h.01M7 13.500h.01" },
];
