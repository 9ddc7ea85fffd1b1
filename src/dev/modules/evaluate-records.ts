/**
 * Runs modules in the order that ECMAScript gives them, but one by one, so that each runs in a
 * scope of its own: what it registers with `onDispose` is its own.
 *
 * Modules that import each other in a ring run in the scope of the one that was reached first:
 * they are replaced together anyway.
 */

import vm from "node:vm";
import { moduleScopes } from "../../core/module-scope.ts";
import { EndlessImportError } from "../../discovery/endless-import-error.ts";
import { codeOf } from "../../discovery/placed-failure.ts";
import { findTopLevelAwait } from "../../discovery/source-location.ts";
import type { ModuleRecord } from "./module-record.ts";

/**
 * Runs `root`, after all that it imports. Rejects with what the first of them threw, and with
 * EndlessImportError when one of them has held up everything for `limitMs`.
 */
export async function evaluateRecords(root: ModuleRecord, limitMs: number): Promise<void> {
  for (const ring of ringsOf(root)) {
    const failed = startRing(ring, limitMs);
    if (failed !== null) throw failed.error;
  }
  await root.evaluation;
}

/** Starts the ring, now or once what it waits for has run; the error if it failed at once. */
function startRing(
  ring: readonly ModuleRecord[],
  limitMs: number,
): { readonly error: unknown } | null {
  const [first] = ring;
  if (first === undefined) return null;
  const awaited = awaitedBy(ring);
  const run = async (): Promise<void> => {
    try {
      await moduleScopes().run(first, () => first.module.evaluate({ timeout: limitMs }));
    } catch (error) {
      throw isCutOff(error) ? new EndlessImportError(first.file) : error;
    }
  };
  const evaluation =
    awaited.length === 0 ? run() : Promise.all(awaited.map((each) => each.evaluation)).then(run);
  const set = (state: ModuleRecord["state"]): void => {
    for (const record of ring) record.state = state;
  };
  for (const record of ring) record.evaluation = evaluation;
  set("running");
  evaluation.then(
    () => set("ready"),
    () => set("failed"),
  );
  if (first.module.status === "errored") {
    set("failed");
    // A module that was cut off has no error of its own.
    return { error: first.module.error ?? new EndlessImportError(first.file) };
  }
  // Known now rather than a moment later: the next module must not wait, or order is lost.
  if (awaited.length === 0 && !ring.some(waitsAtTop)) set("ready");
  return null;
}

function isCutOff(error: unknown): boolean {
  return codeOf(error) === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}

function awaitedBy(ring: readonly ModuleRecord[]): ModuleRecord[] {
  const imported = new Set(ring.flatMap((record) => [...record.imports]));
  return [...imported].filter((each) => each.state === "running" && !ring.includes(each));
}

function waitsAtTop({ module, source }: ModuleRecord): boolean {
  if (!(module instanceof vm.SourceTextModule)) return false;
  // Older Nodes don't say.
  return typeof module.hasTopLevelAwait === "function"
    ? module.hasTopLevelAwait()
    : findTopLevelAwait(source) !== null;
}

interface Visit {
  readonly index: number;
  lowest: number;
}

/** The records that have not run yet, imported ones first, those in a ring together. */
function ringsOf(root: ModuleRecord): ModuleRecord[][] {
  const visits = new Map<ModuleRecord, Visit>();
  const open: ModuleRecord[] = [];
  const rings: ModuleRecord[][] = [];
  const visit = (record: ModuleRecord): Visit => {
    const own: Visit = { index: visits.size, lowest: visits.size };
    visits.set(record, own);
    open.push(record);
    for (const imported of record.imports) {
      if (imported.state !== "new") continue;
      const known = visits.get(imported);
      if (known === undefined) own.lowest = Math.min(own.lowest, visit(imported).lowest);
      else if (open.includes(imported)) own.lowest = Math.min(own.lowest, known.index);
    }
    if (own.lowest === own.index) rings.push(open.splice(open.indexOf(record)));
    return own;
  };
  if (root.state === "new") visit(root);
  return rings;
}
