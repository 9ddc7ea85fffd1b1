/** This package's version, and that of the queue it is made for, from the packages' own files. */

import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const own = read(new URL("../../package.json", import.meta.url));

export const taskrunVersion: string = own.version;

/** The graphile-worker that this version is made for, and the one that is installed beside it. */
export function queueVersions(): { readonly expected: string; readonly installed: string | null } {
  const expected = own.dependencies?.["graphile-worker"] ?? "";
  const file = findPackageJSON("graphile-worker", import.meta.url);
  return { expected, installed: file === undefined ? null : read(file).version };
}

function read(file: URL | string): Manifest {
  return JSON.parse(readFileSync(file, "utf8"));
}
