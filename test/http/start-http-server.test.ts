/** The API as a whole: real server, real Postgres, curl. */

import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { startHttpServer } from "../../src/http/start-http-server.ts";
import { type HttpApi, httpApi, shell } from "../support/http-api.ts";

const email = {
  payload: z.object({ to: z.email(), subject: z.string(), body: z.string() }),
  aliases: ["mail"],
  handler: async () => ({ status: "sent" }),
};
const tasks = {
  email,
  data_processing: async () => 1,
  nightly: { priority: "high", retry: { maxAttempts: 7 }, handler: async () => 1 },
};

describe("the calls that a guide for another system shows", () => {
  let api: HttpApi;
  let env: Record<string, string>;

  beforeAll(async () => {
    api = await httpApi({ tasks });
    env = { TOKEN: await api.token(["enqueue", "read"]) };
  });
  afterAll(() => api[Symbol.asyncDispose]());

  /** The guide's server is at localhost:3000; everything else is run as it stands there. */
  async function guide(line: string) {
    const here = line.replaceAll("http://localhost:3000", api.url);
    return JSON.parse(await shell(here.replace(/^curl/, "curl -s"), env));
  }

  const create = `curl -X POST http://localhost:3000/tasks \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "task_type": "email",
    "payload": {
      "to": "user@example.com",
      "subject": "Hello",
      "body": "This is a test email"
    },
    "priority": "normal"
  }'`;

  test("a task is created, and answered as the guide says", async () => {
    const answer = await guide(create);
    expect(answer).toEqual({
      success: true,
      data: {
        id: expect.stringMatching(/^\d+$/),
        task_type: "email",
        status: "pending",
        priority: "normal",
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      },
    });
    const status = await shell(
      `${create.replaceAll("http://localhost:3000", api.url)} -s -o /dev/null -w '%{http_code}'`,
      env,
    );
    expect(status).toBe("201");
    const short = `curl -X POST http://localhost:3000/tasks \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"task_type":"email","payload":{"to":"test@example.com","subject":"Test","body":"Hello"}}'`;
    expect(await guide(short)).toMatchObject({ success: true, data: { status: "pending" } });
  });

  test("statistics, lists and single tasks are shown", async () => {
    const { data } = await guide(create);
    const stats = await guide(`curl -H "Authorization: Bearer $TOKEN" \\
  http://localhost:3000/tasks/stats`);
    expect(stats).toMatchObject({ success: true, data: { failed: 0 } });
    expect(stats.data.pending).toBeGreaterThan(0);
    expect(stats.data.total).toBe(stats.data.pending);
    expect(stats.data.task_types[0]).toMatchObject({ task_type: "email" });
    const list = await guide(`curl -H "Authorization: Bearer $TOKEN" \\
  "http://localhost:3000/tasks?limit=10"`);
    expect(list.data[0]).toMatchObject({ id: data.id, task_type: "email", created_by: "token-1" });
    const failed = await guide(`curl -H "Authorization: Bearer $TOKEN" \\
  "http://localhost:3000/tasks?status=failed&limit=5"`);
    expect(failed).toEqual({ success: true, data: [], next_cursor: null });
    const one = await guide(`curl -H "Authorization: Bearer $TOKEN" \\
  "http://localhost:3000/tasks/${data.id}"`);
    expect(one.data).toMatchObject({
      id: data.id,
      payload: { to: "user@example.com" },
      output: null,
      metadata: {},
      attempts: [],
      error: null,
      completed_at: null,
      current_attempt: 0,
    });
    const missing = await guide(`curl -H "Authorization: Bearer $TOKEN" \\
  "http://localhost:3000/tasks/uuid-here"`);
    expect(missing).toMatchObject({ success: false, error: { status: 404 } });
  });
});

/** The guide's section on trying it by hand, line for line. */
const byHand = `# Create test user and get token
curl -X POST http://localhost:3000/auth/register \\
  -H "Content-Type: application/json" \\
  -d '{"username":"test","email":"test@example.com","password":"password123"}'

TOKEN=$(curl -s -X POST http://localhost:3000/auth/login \\
  -H "Content-Type: application/json" \\
  -d '{"username_or_email":"test","password":"password123"}' \\
  | python3 -c "import json,sys; print(json.load(sys.stdin)['data']['session_token'])")

# Create tasks
curl -X POST http://localhost:3000/tasks \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"task_type":"email","payload":{"to":"test@example.com","subject":"Test","body":"Hello"}}'

# Monitor processing
curl -H "Authorization: Bearer $TOKEN" http://localhost:3000/tasks/stats
`;

test("the guide's lines for trying it by hand work one after the other", async () => {
  await using api = await httpApi({ tasks });
  // Between two answers a line's end, which curl doesn't print; the rest as it stands there.
  const script = byHand
    .replaceAll("http://localhost:3000", api.url)
    .replaceAll(/^curl/gm, "echo; curl -s");
  const answers = (await shell(script, {})).split("\n").filter(Boolean);
  const [registered, created, stats] = answers.map((line) => JSON.parse(line));
  expect(registered).toMatchObject({ success: true, data: { username: "test" } });
  expect(created).toEqual({
    success: true,
    data: {
      id: expect.stringMatching(/^\d+$/),
      task_type: "email",
      status: "pending",
      priority: "normal",
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    },
  });
  expect(stats).toMatchObject({ success: true, data: { total: 1, pending: 1 } });
  const { data } = (await api.ask(`/tasks/${created.data.id}`)).body;
  expect(data).toMatchObject({ created_by: "test", payload: { to: "test@example.com" } });
});

describe("where it listens", () => {
  test("without a token only this machine is let in, by its own names", async () => {
    await using api = await httpApi({ tasks });
    expect(api.server.needsToken).toBe(false);
    expect((await api.ask("/tasks")).status).toBe(200);
    const created = await api.ask("/tasks", { json: { task_type: "nightly" } });
    expect(created.status).toBe(201);
    expect(created.headers.get("location")).toBe(`/tasks/${created.body.data.id}`);
    for (const headers of [
      { host: "evil.example" },
      { host: "127.0.0.1.evil.example" },
      { origin: "https://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
    ]) {
      expect(await statusOf(api.url, { headers }), JSON.stringify(headers)).toBe(403);
    }
    expect(await statusOf(api.url, { headers: { host: "localhost:1" } })).toBe(200);
  });

  test("the first token closes it at once", async () => {
    await using api = await httpApi();
    expect((await api.ask("/tasks")).status).toBe(200);
    const token = await api.token();
    expect((await api.ask("/tasks")).status).toBe(401);
    expect((await api.ask("/tasks", { token })).status).toBe(200);
  });

  test("it refuses to be reached from other machines without a token", async () => {
    await expect(httpApi({ host: "0.0.0.0" })).rejects.toMatchObject({
      code: "bad-config",
      message: expect.stringContaining("taskrun token create"),
    });
  });

  test("a port that is taken is told as such", async () => {
    await using api = await httpApi();
    const start = startHttpServer({
      config: {
        httpHost: "127.0.0.1",
        httpPrefix: "",
        httpTrustProxy: [],
        httpCorsOrigins: [],
        httpEnqueueRate: null,
        schema: "graphile_worker",
      },
      port: Number(new URL(api.url).port),
      connectionString: api.connectionString,
      logger: (await import("pino")).pino({ level: "silent" }),
      catalog: () => ({ tasks: new Map(), failures: [] }),
    });
    await expect(start).rejects.toMatchObject({
      code: "bad-config",
      message: expect.stringContaining("another process listens there"),
    });
  });

  test("a request under way is answered when it stops, and no new one is taken", async () => {
    await using api = await httpApi({ tasks });
    const blocker = await api.db.connect();
    await blocker.query("begin; lock table taskrun.tokens in access exclusive mode");
    const waiting = api.ask("/tasks");
    const { rows } = await blocker.query("select pg_backend_pid() as pid");
    await untilBlockedBy(api, rows[0].pid);
    const closed = api.server.close();
    await expect.poll(() => refuses(api.url)).toBe(true);
    await blocker.query("commit");
    blocker.release();
    const { status, headers } = await waiting;
    expect([status, headers.get("connection")]).toEqual([200, "close"]);
    await closed;
  });
});

async function untilBlockedBy({ db }: HttpApi, pid: number): Promise<void> {
  await expect
    .poll(async () => {
      const { rows } = await db.query(
        "select count(*)::int as n from pg_stat_activity where $1 = any (pg_blocking_pids(pid))",
        [pid],
      );
      return rows[0].n;
    })
    .toBe(1);
}

async function refuses(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const [event] = await Promise.race([
    once(socket, "connect").then(() => ["connect"]),
    once(socket, "error").then(() => ["error"]),
  ]).catch(() => ["error"]);
  socket.destroy();
  return event === "error";
}

/** fetch doesn't let a caller say the Host. */
async function statusOf(url: string, { headers = {} }: { headers?: Record<string, string> }) {
  const asked = request(`${url}/tasks`, { headers });
  asked.end();
  const [response] = await once(asked, "response");
  response.resume();
  return response.statusCode;
}
