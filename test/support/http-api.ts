/** The HTTP API on a database of its own, with tasks given by name, asked by curl or by fetch. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Pool } from "pg";
import { pino } from "pino";
import type { ResolvedConfig } from "../../src/config/resolved-config.ts";
import type { Catalog } from "../../src/core/catalog.ts";
import type { RuntimeEvents } from "../../src/core/events.ts";
import { resolveTask } from "../../src/core/resolve-task.ts";
import type { Task } from "../../src/core/task.ts";
import { checkCrontab } from "../../src/discovery/crontab/check-crontab.ts";
import { parseCrontab } from "../../src/discovery/crontab/parse-crontab.ts";
import { type HttpServer, startHttpServer } from "../../src/http/start-http-server.ts";
import { migrate } from "../../src/store/migrate.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { createToken, type TokenScope } from "../../src/store/tokens.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { checkAnswer } from "./openapi-check.ts";
import { createTestDatabase } from "./test-database.ts";

export const schemas = schemasFor("graphile_worker");

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
  readonly body: any;
}

export interface HttpApi extends AsyncDisposable {
  readonly url: string;
  readonly connectionString: string;
  readonly db: Pool;
  readonly server: HttpServer;
  /** Lines that were logged. */
  readonly logged: string[];
  token(scopes?: readonly TokenScope[], expiresInMs?: number | null): Promise<string>;
  ask(path: string, init?: RequestInit & { token?: string; json?: unknown }): Promise<Reply>;
}

export interface HttpApiOptions {
  readonly tasks?: Readonly<Record<string, unknown>>;
  readonly host?: string;
  readonly config?: Partial<ResolvedConfig>;
  /** Of attempts that are to be counted. */
  readonly events?: RuntimeEvents;
  /** The crontab's text. */
  readonly crontab?: string;
  /** Whose database and tasks to serve, instead of its own. */
  readonly runtime?: TestRuntime;
}

export async function httpApi(options: HttpApiOptions = {}): Promise<HttpApi> {
  const { tasks = {}, host = "127.0.0.1", runtime } = options;
  const database = runtime === undefined ? await ownDatabase() : null;
  const connectionString = runtime?.connectionString ?? database?.url ?? "";
  const db = new Pool({ connectionString, max: 2 });
  db.on("connect", (client) => client.on("error", () => {}));
  // A connection may still be closing when its database is dropped.
  db.on("error", () => {});
  const logged: string[] = [];
  const catalog = runtime?.catalog ?? catalogOf(tasks);
  const crontab = await checkCrontab(await parseCrontab(options.crontab ?? ""), catalog);
  const server = await startHttpServer({
    config: {
      httpHost: host,
      httpPrefix: "",
      httpTrustProxy: [],
      httpCorsOrigins: [],
      httpEnqueueRate: null,
      schema: "graphile_worker",
      ...options.config,
    },
    port: 0,
    connectionString,
    logger: pino({ level: "debug" }, { write: (line: string) => void logged.push(line) }),
    catalog: () => catalog,
    crontab: () => crontab,
    ...(options.events === undefined ? {} : { events: options.events }),
  });
  let names = 0;
  return {
    url: server.url,
    connectionString,
    db,
    server,
    logged,
    async token(scopes = ["enqueue", "read", "operate"], expiresInMs = null) {
      names += 1;
      const made = await createToken(db, schemas, { name: `token-${names}`, scopes, expiresInMs });
      return made?.token ?? "";
    },
    async ask(path, { token, json, ...init } = {}) {
      const headers = new Headers(init.headers);
      if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
      if (json !== undefined) headers.set("content-type", "application/json");
      const body = json === undefined ? init.body : JSON.stringify(json);
      const method = init.method ?? (body === undefined ? "GET" : "POST");
      const response = await fetch(`${server.url}${path}`, {
        ...init,
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      });
      const { status, headers: answered } = response;
      const reply = { status, headers: answered, body: await response.json() };
      checkAnswer({ method, path, ...reply });
      return reply;
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await db.end();
      await database?.drop();
    },
  };
}

/** Runs a line of a shell, as a guide shows it, with `$TOKEN` set; returns what it printed. */
export async function shell(line: string, env: Readonly<Record<string, string>>): Promise<string> {
  const { stdout } = await promisify(execFile)("sh", ["-c", line], {
    env: { PATH: process.env.PATH, ...env },
  });
  return stdout;
}

function ownDatabase(): Promise<ScratchDatabase> {
  return createTestDatabase({
    template: {
      name: "http",
      prepare: async (url) => void (await migrate(url, { schema: "graphile_worker" })),
    },
  });
}

function catalogOf(definitions: Readonly<Record<string, unknown>>): Catalog {
  const tasks = new Map<string, Task>();
  for (const [name, definition] of Object.entries(definitions)) {
    tasks.set(name, resolveTask(definition, { name, file: `${name}.ts`, version: 1, layers: [] }));
  }
  return { tasks, failures: [] };
}
