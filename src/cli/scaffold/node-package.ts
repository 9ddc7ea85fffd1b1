/**
 * Whether a project should bring its own Node, as the npm package `node`: npx and npm scripts
 * then use that one. Only where the machine's is too old or unknown, since it is 100 MB.
 */

import path from "node:path";

export interface RunningNode {
  readonly version: string;
  readonly execPath: string;
}

/** `range` is what taskrun's package.json says: ">=22.22". */
export function needsNodePackage(
  range: string,
  { version, execPath }: RunningNode = {
    version: process.versions.node,
    execPath: process.execPath,
  },
): boolean {
  // A Node out of node_modules says nothing of the one that the machine has.
  if (execPath.split(path.sep).includes("node_modules")) return true;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor = 0, leastMinor = 0] = range.replace(/^>=/, "").split(".").map(Number);
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}
