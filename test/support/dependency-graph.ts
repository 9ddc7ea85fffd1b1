/** A graph of jobs that wait for each other, and what must become of each of them. */

import type { EnqueueOptions } from "../../src/core/job.ts";

export type Fate = "completes" | "fails" | "cancels" | "retries";
export type End = "completed" | "failed" | "cancelled";

export interface GraphJob {
  readonly fate: Fate;
  /** Positions of the jobs it waits for, all before its own. */
  readonly after: readonly number[];
  readonly onParentFailure: "cancel" | "run" | "fail";
}

export interface GraphOptions {
  readonly layers: number;
  readonly width: number;
  readonly seed: number;
}

/** The same graph for the same seed. Most jobs wait for some of the layer before theirs. */
export function randomGraph({ layers, width, seed }: GraphOptions): GraphJob[] {
  const random = randomNumbers(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const oneOf = <T>(...values: T[]): T => {
    const value = values[below(values.length)];
    if (value === undefined) throw new RangeError("nothing to choose from");
    return value;
  };
  return Array.from({ length: layers * width }, (_, position) => {
    const layer = Math.floor(position / width);
    const after = new Set<number>();
    if (layer > 0) {
      for (let n = below(3); n >= 0; n--) after.add((layer - 1) * width + below(width));
      if (random() < 0.3) after.add(below(layer * width));
    }
    const chance = random();
    const fate =
      chance < 0.05 ? "fails" : chance < 0.08 ? "cancels" : chance < 0.2 ? "retries" : "completes";
    return { fate, after: [...after], onParentFailure: oneOf("cancel", "run", "run", "fail") };
  });
}

/** What becomes of each job of the graph. */
export function endsOf(graph: readonly GraphJob[]): End[] {
  const ends: End[] = [];
  for (const { fate, after, onParentFailure } of graph) {
    const hit = onParentFailure !== "run" && after.some((parent) => ends[parent] !== "completed");
    if (hit) ends.push(onParentFailure === "fail" ? "failed" : "cancelled");
    else ends.push(fate === "fails" ? "failed" : fate === "cancels" ? "cancelled" : "completed");
  }
  return ends;
}

type Enqueue = (
  task: string,
  payload: unknown,
  options: EnqueueOptions,
) => Promise<{ readonly id: string }>;

/** Adds the jobs of the task "node" in their order, a few at a time; returns their ids. */
export async function addGraph(
  graph: readonly GraphJob[],
  width: number,
  enqueue: Enqueue,
): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < graph.length; start += width) {
    const layer = graph.slice(start, start + width).map(({ fate, after, onParentFailure }) => {
      const parents = after.map((parent) => ids[parent] ?? "");
      return enqueue("node", { fate }, { after: parents, onParentFailure, maxAttempts: 20 });
    });
    ids.push(...(await Promise.all(layer)).map(({ id }) => id));
  }
  return ids;
}

/** The source of the task "node". */
export const nodeTask = `export default async ({ fate }, ctx) => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  if (fate === "fails") throw new Error("PERMANENT: as it must");
  if (fate === "cancels") return ctx.cancel("as it must");
  if (fate === "retries" && ctx.lastError === null) throw new Error("once more");
  return { ran: ctx.jobId };
};`;

function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
