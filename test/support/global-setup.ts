/**
 * One Postgres for the whole test run: the one of DATABASE_URL, whose role must be allowed to
 * create databases, or a throwaway embedded one that ends and is deleted with the run.
 */

import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { resetEmbeddedPostgres, startEmbeddedPostgres } from "../../src/dev/embedded-postgres.ts";
import { throwawayFolder } from "../../src/dev/throwaway-folder.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A role that may create databases; the superuser of the embedded server. */
    adminDatabaseUrl: string;
    /** The role that owns the test databases: no superuser on the embedded server. */
    ownerDatabaseUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.DATABASE_URL;
  if (given) {
    project.provide("adminDatabaseUrl", given);
    project.provide("ownerDatabaseUrl", given);
    return async () => undefined;
  }
  const dataDir = await mkdtemp(join(await throwawayFolder(), "taskrun-test-"));
  await chmod(dataDir, 0o755);
  const callOffDeletion = deleteWhenKilled(dataDir);
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
  project.provide("adminDatabaseUrl", postgres.superuserUrl);
  project.provide("ownerDatabaseUrl", postgres.url);
  return async () => {
    callOffDeletion();
    await resetEmbeddedPostgres(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  };
}

/**
 * A run that is killed can't clean up: the server ends by itself then, and a small process
 * that sees its standard input close deletes the folder. Returns how to call that off.
 */
function deleteWhenKilled(dataDir: string): () => void {
  const script = `
    import { rm } from "node:fs/promises";
    const [, module, dataDir] = process.argv;
    process.stdin.resume().on("close", async () => {
      const { resetEmbeddedPostgres } = await import(module);
      await resetEmbeddedPostgres(dataDir);
      await rm(dataDir, { recursive: true, force: true });
    });`;
  const module = new URL("../../src/dev/embedded-postgres.ts", import.meta.url).href;
  const janitor = spawn(process.execPath, ["--input-type=module", "-e", script, module, dataDir], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    windowsHide: true,
  });
  janitor.unref();
  return () => janitor.kill("SIGKILL");
}
