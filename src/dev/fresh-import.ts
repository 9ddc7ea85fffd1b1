/**
 * Imports a file as if for the first time, with the project's files that it imports: for the
 * config file, whose change must show without a new process. What comes from node_modules, and
 * taskrun itself, stays what it is. Each import stays in Node's memory: this is for files that
 * change now and then.
 */

import { registerHooks } from "node:module";
import { dirname, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The folder that has taskrun's own code: src or dist. */
const ownDir = dirname(import.meta.dirname) + sep;

export class FreshImport {
  #round = 0;
  #files: ReadonlySet<string> = new Set();

  /** The files of the last import, absolute; of a failed one, as far as it came. */
  get files(): ReadonlySet<string> {
    return this.#files;
  }

  /** Throws what the import throws. */
  readonly import = async (file: string): Promise<object> => {
    this.#round += 1;
    const mark = `?taskrun-import=${this.#round}`;
    const files = new Set([file]);
    this.#files = files;
    const hooks = registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context);
        if (!context.parentURL?.endsWith(mark) || found.format === "commonjs") return found;
        const path = projectFile(found.url);
        if (path === null) return found;
        files.add(path);
        return { ...found, url: found.url + mark };
      },
    });
    try {
      const module: object = await import(pathToFileURL(file).href + mark);
      return module;
    } finally {
      hooks.deregister();
    }
  };
}

/** Null for what is not the project's. */
function projectFile(url: string): string | null {
  if (!url.startsWith("file:") || url.includes("?")) return null;
  const path = fileURLToPath(url);
  const isForeign = path.includes(`${sep}node_modules${sep}`) || path.startsWith(ownDir);
  return isForeign ? null : path;
}
