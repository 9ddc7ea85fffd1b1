/**
 * Lets a file be imported as if for the first time, with the project's files that it imports:
 * for the config file, whose change must show without a new process. What comes from
 * node_modules, and taskrun itself, stays what it is. Imports nothing itself. Each import stays
 * in Node's memory: this is for files that change now and then.
 */

import { registerHooks } from "node:module";
import { dirname, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that has taskrun's own code: src or dist. */
const ownDir = dirname(import.meta.dirname) + sep;

export class FreshImport {
  #round = 0;
  #files: ReadonlySet<string> = new Set();

  /** The files of the last run, absolute; of one that failed, as far as it came. */
  get files(): ReadonlySet<string> {
    return this.#files;
  }

  /** Gives `work` the query to put behind the URL that it imports. */
  async run<Result>(work: (query: string) => Promise<Result>): Promise<Result> {
    this.#round += 1;
    const query = `?taskrun-import=${this.#round}`;
    const files = new Set<string>();
    this.#files = files;
    const hooks = registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context);
        if (specifier.endsWith(query)) files.add(fileURLToPath(found.url));
        if (!context.parentURL?.endsWith(query) || found.format === "commonjs") return found;
        const path = projectFile(found.url);
        if (path === null) return found;
        files.add(path);
        return { ...found, url: found.url + query };
      },
    });
    try {
      return await work(query);
    } finally {
      hooks.deregister();
    }
  }
}

/** Null for what is not the project's. */
function projectFile(url: string): string | null {
  if (!url.startsWith("file:") || url.includes("?")) return null;
  const path = fileURLToPath(url);
  const isForeign = path.includes(`${sep}node_modules${sep}`) || path.startsWith(ownDir);
  return isForeign ? null : path;
}
