/**
 * taskrun as it is in another checkout of this repository, on a database of its own beside the
 * bench's: for "is it faster than it was?". The checkout needs its dependencies and its build.
 */

import { resolve } from "node:path";
import pg from "pg";
import { type BenchDatabase, openDatabase } from "./database.ts";
import type { Side } from "./side.ts";
import { taskrunSide } from "./taskrun-side.ts";

export interface OtherCheckout {
  readonly side: Side;
  readonly admin: pg.Pool;
  close(): Promise<void>;
}

export async function openOtherCheckout(
  beside: BenchDatabase,
  folder: string,
): Promise<OtherCheckout> {
  const [url, adminUrl] = [beside.connectionString, beside.adminUrl].map((given) => {
    const renamed = new URL(given);
    renamed.pathname += "_other";
    return renamed;
  });
  if (url === undefined || adminUrl === undefined) throw new TypeError("there are two addresses");
  const name = url.pathname.slice(1);
  const owner = url.username || "current_user";
  await beside.admin.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
  await beside.admin.query(
    `create database ${pg.escapeIdentifier(name)} owner ${pg.escapeIdentifier(owner)}`,
  );
  const database = await openDatabase(url.href, adminUrl.href);
  const side = taskrunSide({
    name: `taskrun in ${folder}`,
    connectionString: database.connectionString,
    concurrency: 24,
    checkout: resolve(folder),
  });
  return {
    side,
    admin: database.admin,
    async close() {
      await database.close();
      await beside.admin.query(`drop database ${pg.escapeIdentifier(name)} with (force)`);
    },
  };
}
