/**
 * What the nearest package.json says of a file. Owns the cache of one loader; refuses packages
 * that Node loads itself.
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";

export type PackageType = "module" | "commonjs" | null;

export class PackageLookup {
  readonly #byFolder = new Map<string, string | null>();
  readonly #types = new Map<string, PackageType>();

  /** Its `type`; null when it says none, or there is no package.json. */
  typeOf(file: string): PackageType {
    const packageFile = this.#nearest(dirname(file));
    if (packageFile === null) return null;
    let type = this.#types.get(packageFile);
    if (type === undefined) {
      type = readType(packageFile);
      this.#types.set(packageFile, type);
    }
    return type;
  }

  /** Every package.json that was asked. */
  files(): string[] {
    return [...new Set(this.#byFolder.values())].filter((file) => file !== null);
  }

  /** Reads everything anew from now on. */
  forget(): void {
    this.#byFolder.clear();
    this.#types.clear();
  }

  #nearest(folder: string): string | null {
    const known = this.#byFolder.get(folder);
    if (known !== undefined) return known;
    const here = join(folder, "package.json");
    const above = dirname(folder);
    const top = above === folder || folder.endsWith(`${sep}node_modules`);
    const found = existsSync(here) ? here : top ? null : this.#nearest(above);
    this.#byFolder.set(folder, found);
    return found;
  }
}

function readType(packageFile: string): PackageType {
  try {
    const content: unknown = JSON.parse(readFileSync(packageFile, "utf8"));
    const isObject = typeof content === "object" && content !== null;
    const type: unknown = isObject ? Reflect.get(content, "type") : null;
    return type === "module" || type === "commonjs" ? type : null;
  } catch {
    return null;
  }
}
