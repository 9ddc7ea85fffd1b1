/** One process of a fleet (`counting-fleet.ts`): runs taskrun and tells how many jobs have run. */

import {
  concurrency,
  type FleetMessage,
  type FleetOrder,
  type FleetStart,
  handlersOf,
  ownUs,
} from "./counting-fleet.ts";
import { taskrunSide } from "./taskrun-side.ts";

// Eight processes that tell every 5 ms were an eighth of a core.
const reportMs = 15;

// why: the fleet has written it
const { connectionString, tasks } = JSON.parse(process.argv[2] ?? "") as FleetStart;
const side = taskrunSide({ name: "taskrun", connectionString, concurrency });
let ran = 0;
let told = 0;
const running = await side.start(
  handlersOf(tasks, () => {
    ran++;
    return { ok: true };
  }),
);
const report = setInterval(() => {
  if (told !== ran) tell({ kind: "ran", ran, clientUs: ownUs() });
  told = ran;
}, reportMs);

const carryOut: Record<FleetOrder, () => Promise<void> | void> = {
  settle: () => running.settled(),
  pause: () => running.pause(),
  resume: () => running.resume(),
  async stop() {
    clearInterval(report);
    await running.stop();
    await side.close();
  },
};

process.on("message", async (order: FleetOrder) => {
  await carryOut[order]();
  tell({ kind: order });
  if (order === "stop") process.disconnect();
});
tell({ kind: "started" });

function tell(message: FleetMessage): void {
  process.send?.(message);
}
