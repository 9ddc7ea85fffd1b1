/** Tells the part that shows and watches who lives what it needs of the others. */

import { ShutdownError } from "../core/task-errors.ts";
import type { Shared } from "./create-shared.ts";
import type { Dispatcher } from "./fetching/dispatcher.ts";
import { giveBackMemory } from "./give-back-memory.ts";
import { Presence } from "./presence/presence.ts";
import { taskrunVersion } from "./version.ts";

/** `onRescued`: jobs of dead processes have been given away. */
export function createPresence(
  shared: Shared,
  dispatcher: Dispatcher,
  onRescued: () => void,
): Presence {
  return new Presence({
    ...shared,
    version: taskrunVersion,
    heartbeatIntervalMs: shared.config.heartbeatIntervalMs,
    maxBlockMs: shared.config.maxBlockMs,
    concurrency: shared.config.concurrency,
    running: shared.runningSlots.buffer,
    stuckCount: shared.stuck.buffer,
    onReplaced: () => {
      const reason = new ShutdownError("this process was declared dead; its jobs run elsewhere");
      for (const attempt of dispatcher.running) attempt.lose(reason);
      dispatcher.dropWaiting();
    },
    onRest: giveBackMemory,
    onRescued: () => {
      dispatcher.wake();
      onRescued();
    },
  });
}
