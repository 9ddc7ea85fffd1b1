/**
 * Knocks at one door with generated inputs. Each must be let in or be refused with a text for
 * people: short, on the fault, without a stack. Whatever else is thrown is a crash.
 */

import { inspect } from "node:util";
import fc from "fast-check";
import { expect, inject } from "vitest";
import { reportDoor } from "./door-table.ts";

export interface Door<Input> {
  readonly door: string;
  readonly inputs: fc.Arbitrary<Input>;
  /** The refusal's text; null when it was let in. */
  readonly knock: (input: Input) => string | null | Promise<string | null>;
  /** What the refusal of this input must speak of. */
  readonly speaksOf?: (input: Input) => RegExp;
  /** How many inputs the suite tries. */
  readonly few: number;
  /** The most that are tried, where one takes a process of its own. */
  readonly most?: number;
  /** At once. Default 1. */
  readonly atOnce?: number;
}

/** What a program says that fell over the input rather than looking at it. */
const stumbled = new RegExp(
  "Cannot (read propert|convert undefined|destructure)|is not a function|is not iterable" +
    "|(undefined|null) is not an? |Maximum call stack" +
    "|\\n\\s+at ",
);

const longestRefusal = 4_000;

/** Resolves with how many were let in. Throws when one was too much, naming those inputs. */
export async function knockAt<Input>(door: Door<Input>): Promise<number> {
  // why: the suite provides none
  const full = inject("fuzz") as FullFuzz | undefined;
  const { atOnce = 1, most = full?.runs ?? 0 } = door;
  const numRuns = Math.ceil((full === undefined ? door.few : Math.min(full.runs, most)) / atOnce);
  const seed = full?.seed ?? 7;
  const tally = { inputs: 0, refused: 0, accepted: 0, slowestMs: 0 };
  const falls = new Map<string, Fall>();
  let crashes = 0;
  const knock = async (input: Input) => {
    const startMs = performance.now();
    tally.inputs += 1;
    try {
      const refusal = await door.knock(input);
      tally.slowestMs = Math.max(tally.slowestMs, performance.now() - startMs);
      tally[refusal === null ? "accepted" : "refused"] += 1;
      if (refusal !== null) checkRefusal(refusal, door.speaksOf?.(input));
    } catch (error) {
      crashes += 1;
      const what = String(error).slice(0, 200);
      if (!falls.has(what)) falls.set(what, { input, error });
    }
  };
  const inputs = fc.array(door.inputs, { minLength: atOnce, maxLength: atOnce });
  // The property never fails: what a failure shows is for us, fast-check can't print all of it.
  await fc.assert(
    fc.asyncProperty(inputs, async (some) => void (await Promise.all(some.map(knock)))),
    { numRuns, seed },
  );
  if (full !== undefined) reportDoor(full.file, { door: door.door, ...tally, crashes });
  if (crashes > 0) throw fellOver(door.door, { crashes, falls: [...falls.values()], seed });
  return tally.accepted;
}

type FullFuzz = { readonly file: string; readonly runs: number; readonly seed: number };

interface Fall {
  readonly input: unknown;
  readonly error: unknown;
}

function fellOver(
  door: string,
  { crashes, falls, seed }: { crashes: number; falls: readonly Fall[]; seed: number },
): Error {
  const shown = falls.slice(0, 8).map(({ input, error }) => {
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${inspect(input, { depth: 4, maxStringLength: 200 }).slice(0, 600)}\n${said}`;
  });
  const many = `${crashes} inputs at ${door} (seed ${seed}), in ${falls.length} ways`;
  return new Error(`${many}:\n\n${shown.join("\n\n")}`);
}

function checkRefusal(refusal: string, speaksOf: RegExp | undefined): void {
  expect(refusal.trim()).not.toBe("");
  expect(refusal.length).toBeLessThan(longestRefusal);
  expect(refusal).not.toMatch(stumbled);
  if (speaksOf !== undefined) expect(refusal).toMatch(speaksOf);
}
