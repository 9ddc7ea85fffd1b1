/**
 * What Node is told while it imports the project's files: TypeScript's ways to write an import,
 * path aliases, this very package, and the text that `NativeSources` makes of a file.
 * Owns Node's hooks between start and stop, and the URLs; refuses files under node_modules.
 */

import {
  createRequire,
  type LoadFnOutput,
  type LoadHookContext,
  type ResolveFnOutput,
  type ResolveHookContext,
  registerHooks,
} from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ErrorNotes } from "../core/error-notes.ts";
import { guessFile } from "./guess-file.ts";
import { ModuleGraph } from "./module-graph.ts";
import { NativeSources, type NextLoad } from "./native-sources.ts";
import { TsconfigLookup } from "./tsconfig-lookup.ts";

export interface FailedResolution {
  readonly specifier: string;
  readonly importer: string;
}

type NextResolve = (specifier: string, context?: Partial<ResolveHookContext>) => ResolveFnOutput;

/** What `ModuleHooks.resolve` asks Node for, to be asked back about the real import. */
const questionName = "taskrun-question:";

type Question = FailedResolution & { answer: ResolveFnOutput | null; error: unknown };

const ownCode = new URL("..", import.meta.url).href;

export class ModuleHooks {
  readonly graph = new ModuleGraph();
  readonly tsconfig = new TsconfigLookup();
  readonly #failedResolutions = new ErrorNotes<FailedResolution>();
  readonly #revisions = new Map<string, number>();
  readonly #loaded = new Set<string>();
  readonly #sources = new NativeSources({
    tsconfig: this.tsconfig,
    isRenewed: (file) => this.#revisions.has(file),
    onTransformed: (file) => this.renew(file),
  });
  #question: Question | null = null;
  #registered: { deregister(): void } | null = null;

  start(): void {
    this.#registered ??= registerHooks({
      resolve: (specifier, context, next) => this.#resolve(specifier, context, next),
      load: (url, context, next) => this.#load(url, context, next),
    });
  }

  stop(): void {
    this.#registered?.deregister();
    this.#registered = null;
  }

  /** The URL under which `file` is to be imported now. */
  urlOf(file: string): string {
    const { href } = pathToFileURL(file);
    const revision = this.#revisions.get(file);
    return revision === undefined ? href : `${href}?taskrun=${revision}`;
  }

  /** Which import could not be resolved, when `error` came from that. */
  failedResolution(error: unknown): FailedResolution | null {
    return this.#failedResolutions.of(error);
  }

  /** Which file esbuild refused, when `error` came from that. */
  failedTransform(error: unknown): string | null {
    return this.#sources.failedTransform(error);
  }

  /**
   * The URL that `specifier` means in the project file `importer`, by all of Node's rules and
   * ours; notes the import in the graph. Only between start and stop.
   *
   * @throws Node's error; `failedResolution` knows it
   */
  resolve(specifier: string, importer: string): string {
    const question: Question = { specifier, importer, answer: null, error: null };
    this.#question = question;
    try {
      // Node resolves for other files than this one only inside a hook.
      import.meta.resolve(questionName);
    } catch (error) {
      question.error ??= error;
    } finally {
      this.#question = null;
    }
    if (question.answer === null) throw question.error;
    return question.answer.url;
  }

  /** Whether the graph knows what `file` imports: its code has come by these hooks. */
  hasLoaded(file: string): boolean {
    return this.#loaded.has(file);
  }

  isTransformed(file: string): boolean {
    return this.#sources.isTransformed(file);
  }

  /**
   * Lets `file`, which could not be parsed or linked, go through esbuild from now on.
   * Throws esbuild's error when the file has faults.
   */
  transform(file: string): Promise<void> {
    return this.#sources.transform(file);
  }

  /**
   * Gives `file` and all that import it new URLs: Node remembers by their URLs that they failed.
   * Only for a file that failed before it ran to its end, so that no module runs twice.
   */
  renew(file: string): void {
    for (const each of this.graph.dependentsOf(file)) {
      this.#revisions.set(each, (this.#revisions.get(each) ?? 0) + 1);
    }
  }

  #resolve(specifier: string, context: ResolveHookContext, next: NextResolve): ResolveFnOutput {
    if (specifier === questionName && this.#question !== null) {
      return this.#answer(this.#question, context, next);
    }
    const { parentURL } = context;
    if (parentURL === undefined || !isProjectUrl(parentURL)) return next(specifier, context);
    const importer = fileURLToPath(parentURL);
    const found = this.#find(specifier, context, importer, next);
    if (!isProjectUrl(found.url)) return found;
    const file = fileURLToPath(found.url);
    this.graph.add(importer, specifier, file);
    // CommonJS knows its modules by file name, and forgets those that failed.
    if (!this.#revisions.has(file) || context.conditions.includes("require")) return found;
    return { ...found, url: this.urlOf(file) };
  }

  #answer(question: Question, context: ResolveHookContext, next: NextResolve): ResolveFnOutput {
    const parentURL = pathToFileURL(question.importer).href;
    try {
      question.answer = this.#resolve(question.specifier, { ...context, parentURL }, next);
      return { url: "node:module", shortCircuit: true };
    } catch (error) {
      question.error = error;
      throw error;
    }
  }

  #find(
    specifier: string,
    context: ResolveHookContext,
    importer: string,
    next: NextResolve,
  ): ResolveFnOutput {
    if (isBare(specifier)) {
      for (const target of this.tsconfig.aliasTargets(specifier, importer)) {
        const file = guessFile(target);
        if (file !== null) return nextFile(file, context, next);
      }
    }
    try {
      return next(specifier, context);
    } catch (error) {
      const fallback = this.#fallback(specifier, context, importer, next);
      if (fallback !== null) return fallback;
      this.#failedResolutions.add(error, { specifier, importer });
      throw error;
    }
  }

  #fallback(
    specifier: string,
    context: ResolveHookContext,
    importer: string,
    next: NextResolve,
  ): ResolveFnOutput | null {
    if (/^\.{0,2}\/|^\.{1,2}$/.test(specifier)) {
      const file = guessFile(resolve(dirname(importer), specifier));
      return file === null ? null : nextFile(file, context, next);
    }
    // A project that runs taskrun without having installed it still writes `from "taskrun"`.
    if (specifier !== "taskrun" && !specifier.startsWith("taskrun/")) return null;
    try {
      // `require` looks from the module that calls it, whatever the hook says.
      return context.conditions.includes("require")
        ? next(createRequire(import.meta.url).resolve(specifier), context)
        : next(specifier, { ...context, parentURL: import.meta.url });
    } catch {
      return null;
    }
  }

  #load(url: string, context: LoadHookContext, next: NextLoad): LoadFnOutput {
    if (!isProjectUrl(url)) return next(url, context);
    this.#loaded.add(fileURLToPath(url));
    return this.#sources.load(url, context, next);
  }
}

function nextFile(file: string, context: ResolveHookContext, next: NextResolve): ResolveFnOutput {
  // `require` takes paths, `import` takes URLs.
  const required = context.conditions.includes("require");
  return next(required ? file : pathToFileURL(file).href, context);
}

/** Whether hooks may touch the module: a file outside node_modules and outside this package. */
export function isProjectUrl(url: string): boolean {
  return url.startsWith("file:") && !url.includes("/node_modules/") && !url.startsWith(ownCode);
}

function isBare(specifier: string): boolean {
  return !/^(?:\.{0,2}\/|node:|file:|data:|#)/.test(specifier) && !/^\.\.?$/.test(specifier);
}
