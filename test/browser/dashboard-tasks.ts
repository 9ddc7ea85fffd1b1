/** Tasks for tests of the dashboard: they stop where a test wants to look. */

import { z } from "zod";
import type { TaskContext } from "../../src/core/context.ts";
import { type Signal, signal } from "../support/test-runtime.ts";

export interface DashboardTasks {
  readonly tasks: Readonly<Record<string, unknown>>;
  /** Each part of an import ends when its signal is given. */
  readonly importParts: readonly Signal[];
  /** Charging fails as long as there is none. */
  readonly shop: { hasMoney: boolean };
}

const importPayload = z.object({
  file: z.string().min(1).describe("Where the rows are"),
  rows: z.int().min(1).max(1_000).default(100),
  mode: z.enum(["fast", "careful"]),
  notify: z.email().optional(),
  columns: z.array(z.string().min(1)).min(1),
  limits: z.object({ errors: z.number(), strict: z.boolean() }),
  source: z.union([z.string(), z.object({ bucket: z.string() })]).optional(),
});

export function dashboardTasks(): DashboardTasks {
  const importParts = [signal(), signal(), signal()];
  const failed = new Set<string>();
  const shop = { hasMoney: false };
  const tasks = {
    import_rows: {
      description: "Reads rows from a file, tells how far it is, fails at the first try",
      payload: importPayload,
      retry: { maxAttempts: 1 },
      timeout: false,
      handler: async ({ file }: z.output<typeof importPayload>, ctx: TaskContext) => {
        for (const [index, part] of importParts.entries()) {
          await ctx.progress(index + 1, 4, `part ${index + 1}`);
          ctx.log.info({ part: index + 1 }, "reading a part");
          await part.promise;
        }
        if (!failed.has(file)) {
          failed.add(file);
          throw new TypeError(`the file ${file} has no header`);
        }
        return { read: 100 };
      },
    },
    hang: {
      description: "Runs until it is told to stop",
      timeout: false,
      handler: async (_: unknown, ctx: TaskContext) => {
        ctx.log.warn("this takes long");
        await new Promise((_, reject) => {
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
        });
      },
    },
    charge: {
      description: "Fails until the shop has money",
      payload: z.object({ order: z.int() }),
      retry: { maxAttempts: 1 },
      handler: async ({ order }: { order: number }) => {
        if (!shop.hasMoney) throw new RangeError(`order ${order} can't be charged`);
        return { charged: order };
      },
    },
    later: async () => "done",
  };
  return { tasks, importParts, shop };
}
