/**
 * The only `import()` of task code: Node's own, with type stripping, tried again through
 * esbuild where that cures it. Owns the limit for an import that never ends; refuses to say
 * what went wrong with the others.
 */

import type { ImportAttributes } from "node:module";
import type { ModuleHooks } from "./module-hooks.ts";
import { codeOf, messageOf, stackOf } from "./placed-failure.ts";
import { stackHeading, stackPlaces } from "./source-location.ts";
import { isJsx } from "./transform-source.ts";

export type ImportResult =
  | { readonly state: "imported"; readonly module: object }
  | { readonly state: "failed"; readonly error: unknown }
  | { readonly state: "stuck" };

/** One cure per module; more rounds than a task has modules would be a loop. */
const maxRounds = 100;

/** Imports `file` (an absolute path). Never rejects. */
export async function importModule(
  file: string,
  hooks: ModuleHooks,
  patience: ImportPatience,
): Promise<ImportResult> {
  const result = await patience.limit(() => importCured(file, hooks));
  if (!lostRace(result)) return result;
  return patience.alone(() => importAgain(file, result, hooks));
}

/** Imports `file` when nothing else is being imported, after it lost a race with `first`. */
async function importAgain(
  file: string,
  first: ImportResult,
  hooks: ModuleHooks,
): Promise<ImportResult> {
  let result = first;
  for (let round = 1; round < maxRounds && lostRace(result); round += 1) {
    for (const racer of racers(result, file, hooks)) hooks.renew(racer);
    result = await importCured(file, hooks);
  }
  return result;
}

/**
 * Whether a CommonJS file required an ES module just while another import loaded it. Node
 * refuses that, or trips over it; only importing everything at once, as we do, brings it about.
 */
function lostRace(result: ImportResult): result is { state: "failed"; error: unknown } {
  if (result.state !== "failed") return false;
  const refused = messageOf(result.error).includes("not yet fully loaded");
  return refused || codeOf(result.error) === "ERR_INTERNAL_ASSERTION";
}

/** Which files to ask for anew; CommonJS that has run is kept by its path and not run again. */
function racers(result: { error: unknown }, file: string, hooks: ModuleHooks): string[] {
  const named = stackPlaces(stackOf(result.error))[0]?.file;
  if (named !== undefined) return [named];
  const commonJs = [...hooks.graph.dependenciesOf(file)].filter((each) => /\.c[jt]s$/.test(each));
  return [file, ...commonJs];
}

/** Imports what is no file of the project, once and for the whole process. */
export async function importForeign(
  url: string,
  attributes: ImportAttributes = {},
): Promise<object> {
  // why: two declarations of one thing, one of which lets values be undefined
  const options = { with: attributes } as ImportCallOptions;
  const module: object = await import(url, options);
  return module;
}

async function importCured(file: string, hooks: ModuleHooks): Promise<ImportResult> {
  for (let round = 1; ; round += 1) {
    try {
      if (round === 1 && isJsx(file)) await hooks.transform(file);
      const module: object = await import(hooks.urlOf(file));
      return { state: "imported", module };
    } catch (error) {
      const culprit = round < maxRounds ? curableFile(error, hooks) : null;
      if (culprit === null) return { state: "failed", error };
      try {
        await hooks.transform(culprit);
      } catch (refusal) {
        return { state: "failed", error: refusal };
      }
    }
  }
}

/**
 * The file that may do after esbuild has dropped its unused imports and compiled its syntax:
 * types imported without `type` are the usual case.
 */
function curableFile(error: unknown, hooks: ModuleHooks): string | null {
  if (!(error instanceof SyntaxError)) return null;
  const unsupported = "code" in error && /_TYPESCRIPT_SYNTAX$/.test(String(error.code));
  const unlinked = /does not provide an export named|^Named export/.test(error.message);
  const heading = unsupported || unlinked ? stackHeading(stackOf(error)) : null;
  if (heading === null || !/\.[cm]?tsx?$/.test(heading.file)) return null;
  // Another task's import may have cured it since; then the error is that of an older URL.
  const current = stackOf(error).startsWith(`${hooks.urlOf(heading.file)}:`);
  return hooks.isTransformed(heading.file) && current ? null : heading.file;
}

/**
 * Tells an import that never ends from one that waits its turn: the limit counts from the last
 * time that any import ended, and not while the event loop was blocked.
 */
export class ImportPatience {
  readonly #limitMs: number;
  #lastEnd = 0;
  #running = 0;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #whenQuiet: (() => void)[] = [];

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  async limit(startImport: () => Promise<ImportResult>): Promise<ImportResult> {
    this.#running += 1;
    const clock = this.#startClock();
    const result = await Promise.race([startImport(), clock.stuck]);
    clock.stop();
    if (result.state !== "stuck") this.#lastEnd = performance.now();
    this.#running -= 1;
    if (this.#running === 0) for (const resume of this.#whenQuiet.splice(0)) resume();
    return result;
  }

  /** The same, once no import is under way that has not been given up. */
  alone(startImport: () => Promise<ImportResult>): Promise<ImportResult> {
    const turn = this.#turn.then(async () => {
      if (this.#running > 0) await new Promise<void>((resume) => this.#whenQuiet.push(resume));
      return this.limit(startImport);
    });
    this.#turn = turn;
    return turn;
  }

  #startClock(): { stuck: Promise<ImportResult>; stop: () => void } {
    const limitMs = this.#limitMs;
    const { promise, resolve } = Promise.withResolvers<ImportResult>();
    let since = performance.now();
    let timer: NodeJS.Timeout;
    const wait = (delayMs: number): void => {
      const due = performance.now() + delayMs;
      timer = setTimeout(() => {
        const now = performance.now();
        // What came in while the loop was blocked has not been seen yet.
        if (now - due > limitMs / 10) since = now;
        const idleMs = now - Math.max(since, this.#lastEnd);
        if (idleMs >= limitMs) resolve({ state: "stuck" });
        else wait(limitMs - idleMs);
      }, delayMs);
    };
    wait(limitMs);
    return { stuck: promise, stop: () => clearTimeout(timer) };
  }
}
