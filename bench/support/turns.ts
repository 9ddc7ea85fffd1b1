/**
 * Takes samples from several sides on one database in turns: one side at a time is active, in
 * short blocks, so that whatever else the machine does hits all of them alike. What one leaves
 * behind does, too: each round has the opposite order of the one before.
 */

import type { BenchHandler, RunningSide, Side } from "./side.ts";

export interface TurnOptions<Sample> {
  readonly sides: readonly Side[];
  readonly handlers: Readonly<Record<string, BenchHandler>>;
  readonly blocks: number;
  /** Before the side of this block starts. */
  readonly prepare: () => Promise<void>;
  /** With the side of this block running. */
  readonly sample: (running: RunningSide) => Promise<readonly Sample[]>;
}

/** All samples of each side, in the sides' order. */
export async function takeTurns<Sample>(options: TurnOptions<Sample>): Promise<Sample[][]> {
  const { sides, handlers, blocks, prepare, sample } = options;
  const samples: Sample[][] = sides.map(() => []);
  for (let block = 0; block < blocks; block++) {
    const order = [...sides.entries()];
    for (const [index, side] of block % 2 === 0 ? order : order.reverse()) {
      await prepare();
      const running = await side.start(handlers);
      try {
        samples[index]?.push(...(await sample(running)));
      } finally {
        await running.stop();
      }
    }
  }
  return samples;
}
