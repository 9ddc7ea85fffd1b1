/** This package's version, from its own package.json. */

import { readFileSync } from "node:fs";

const { version } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
) as { version: string }; // why: our own file

export const taskrunVersion: string = version;
