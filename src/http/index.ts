/** `taskrun/http`: the API and the dashboard inside an application of one's own. */

export type { Authorize, HostCaller } from "./host-gate.ts";
export {
  createTaskrunHandler,
  type EmbeddedOptions,
  type HandlerOptions,
  type TaskrunHandler,
  taskrunHttp,
} from "./taskrun-http.ts";
