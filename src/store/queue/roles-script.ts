/**
 * The SQL script that makes three roles with the least rights each: to add jobs, to run them, to
 * read about them. Owns the roles' names and fills in the schemas; executes nothing: a person
 * reviews the script and runs it.
 */

import { readFileSync } from "node:fs";
import pg from "pg";
import type { Schemas } from "../schemas.ts";

// From both src/store/queue and dist/store/queue: the package ships its sources.
const folder = new URL("../../../src/store/queue/roles/", import.meta.url);

export interface RoleNames {
  readonly enqueuer: string;
  readonly worker: string;
  readonly reader: string;
}

/** Roles are the server's, not the database's: the schema's name keeps those of two queues apart. */
export function roleNames({ ownName }: Pick<Schemas, "ownName">): RoleNames {
  return {
    enqueuer: `${ownName}_enqueuer`,
    worker: `${ownName}_worker`,
    reader: `${ownName}_reader`,
  };
}

/** `graphileFunctions`: also let the enqueuer call graphile-worker's own add_job and add_jobs. */
export function rolesScript(schemas: Schemas, options: { graphileFunctions: boolean }): string {
  const names = roleNames(schemas);
  const { escapeIdentifier, escapeLiteral } = pg;
  const values: Readonly<Record<string, string>> = {
    ":QUEUE_TEXT": escapeLiteral(schemas.queue),
    ":QUEUE": schemas.queue,
    ":OWN": schemas.own,
    ":ENQUEUER_TEXT": escapeLiteral(names.enqueuer),
    ":ENQUEUER": escapeIdentifier(names.enqueuer),
    ":WORKER_TEXT": escapeLiteral(names.worker),
    ":WORKER": escapeIdentifier(names.worker),
    ":READER_TEXT": escapeLiteral(names.reader),
    ":READER": escapeIdentifier(names.reader),
    ":JOBS_TEXT": escapeLiteral(`${schemas.queue}._private_jobs`),
    ":DETAILS_TEXT": escapeLiteral(`${schemas.own}.job_details`),
    ":TOKENS_TEXT": escapeLiteral(`${schemas.own}.tokens`),
    ":SESSIONS_TEXT": escapeLiteral(`${schemas.own}.sessions`),
    ":ACCOUNTS_TEXT": escapeLiteral(`${schemas.own}.accounts`),
    ":ADD_JOB_TEXT": escapeLiteral(`${schemas.own}.add_job(text,jsonb,jsonb)`),
  };
  const more = options.graphileFunctions ? read("roles-graphile.sql") : "";
  return read("roles.sql")
    .replace(":GRAPHILE\n", () => `${more}\n`)
    .replace(/:[A-Z_]+/g, (name) => values[name] ?? name);
}

function read(file: string): string {
  return readFileSync(new URL(file, folder), "utf8");
}
