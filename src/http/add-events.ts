/** `GET /events`: a stream of changes for one client. */

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type ApiOptions, knockOf } from "./api-options.ts";
import { type Caller, checkScope } from "./gate.ts";
import { jobId } from "./http-route.ts";
import { parseInput } from "./parse-input.ts";

export const eventsQuery = z.strictObject({
  id: jobId.optional(),
  task_type: z.string().min(1).optional(),
});

export function addEvents(
  server: FastifyInstance,
  { events, gate }: Pick<ApiOptions, "events" | "gate">,
): void {
  // Nobody reads the body of a HEAD: its stream would never end.
  server.get("/events", { exposeHeadRoute: false }, async (request, reply) => {
    const caller = request.getDecorator<Caller>("caller");
    checkScope(caller, "read");
    const query = parseInput(eventsQuery, request.query, "query");
    const knock = knockOf(request);
    const lastEventId = request.headers["last-event-id"];
    const stream = events.watch({
      who: caller.name ?? knock.address,
      id: query.id ?? null,
      taskType: query.task_type ?? null,
      lastEventId: typeof lastEventId === "string" ? lastEventId : null,
      isAllowed: () =>
        gate.admit(knock).then(
          ({ scopes }) => scopes.includes("read"),
          () => false,
        ),
    });
    reply.headers({ "content-type": "text/event-stream", "x-accel-buffering": "no" });
    return reply.send(stream.body);
  });
}
