/** What a reloading loader needs of a module system: the contract of both there are. */

import type { FailedImport } from "../../discovery/placed-failure.ts";
import type { FileContents } from "./file-contents.ts";

/** One version of one module. */
export interface LoadedModule {
  readonly namespace: object;
}

/** Paths of files are absolute and real. */
export interface ReloadedModules {
  readonly contents: FileContents;
  /** What failures of imports are explained with. */
  readonly trail: FailedImport["hooks"];
  start(): void;
  stop(): Promise<void>;
  /** The current version of `file`, run to its end. Rejects with what its import throws. */
  import(file: string): Promise<LoadedModule>;
  /** Takes what has not come to its end, at or below `file`, out of use. */
  abandon(file: string): void;
  /** Each of `files`, all that imports one of them, and all that waits for one of them to come. */
  reachedBy(files: Iterable<string>): Set<string>;
  /** `file` and everything that it imports, at any distance. */
  reachedFrom(file: string): Set<string>;
  /** The next import of each of `reached` makes a new version; `changed` have another text now. */
  invalidate(changed: Iterable<string>, reached: Iterable<string>): void;
  /** tsconfig.json or package.json says something else now: everything is made anew. */
  invalidateAll(): void;
  /** Disposes of every module that none of `roots` imports, at any distance. */
  sweep(roots: Iterable<LoadedModule>): void;
  /** The files that say how others are to be read. */
  settingsFiles(): string[];
  /** Every path that an import leads to, also where nothing is that would mend it. */
  importedPaths(): Iterable<string>;
}
