/** Starts the page: finds the API that serves it, and puts the dashboard into the document. */

import { render } from "preact";
import { applyTheme, readTheme } from "./appearance/theme.ts";
import { Dashboard } from "./dashboard.tsx";

function main(): void {
  applyTheme(readTheme());
  const place = document.getElementById("dashboard");
  // The page is at ui/ beneath the API, whatever prefix both are behind.
  const root = new URL("../", document.baseURI.replace(/[?#].*$/, "")).href;
  if (place === null) return;
  place.replaceChildren();
  render(<Dashboard root={root} />, place);
}

main();

export { main };
