/** The command line from its sources, for tests; bin/taskrun.js starts the built one. */

import { main } from "../../src/cli/main.ts";

await main(process.argv.slice(2));
