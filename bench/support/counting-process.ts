/** One process of a fleet (`counting-fleet.ts`): runs taskrun and tells how many jobs have run. */

import {
  concurrency,
  type FleetMessage,
  type FleetOrder,
  handlersOf,
  ownUs,
} from "./counting-fleet.ts";
import { taskrunSide } from "./taskrun-side.ts";

const reportMs = 5;

// why: the fleet has written it
const order = JSON.parse(process.argv[2] ?? "") as FleetOrder;
const { connectionString, tasks } = order;
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
process.on("message", async (order: "settle" | "stop") => {
  if (order === "settle") {
    await running.settled();
    tell({ kind: "settled" });
    return;
  }
  clearInterval(report);
  await running.stop();
  await side.close();
  process.disconnect();
});
tell({ kind: "started" });

function tell(message: FleetMessage): void {
  process.send?.(message);
}
