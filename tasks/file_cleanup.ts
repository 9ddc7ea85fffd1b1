/**
 * Deletes old files beneath a folder.
 *
 * Only inside `CLEANUP_ROOT` (folders, separated as in PATH). Its default is where the other
 * example tasks leave their files, because a payload must never be able to name the project's
 * sources or its database. Refuses to leave the root through `..` or a symbolic link, and
 * deletes regular files only: never folders, links, sockets.
 */

import { lstat, opendir, realpath, unlink } from "node:fs/promises";
import { delimiter, join, matchesGlob, relative, resolve, sep } from "node:path";
import { defineTask, PermanentError, type TaskContext } from "taskrun";
import { z } from "zod";
import { duration } from "./_duration.ts";

const maxReasons = 20;

const payload = z.union(
  [
    z.object({
      directory: z.string().min(1),
      pattern: z.string().min(1).default("**/*"),
      olderThan: duration,
      dryRun: z.boolean().default(false),
    }),
    z
      .object({ file_path: z.string().min(1), max_age_hours: z.number().nonnegative() })
      .transform(({ file_path, max_age_hours }) => ({
        directory: file_path,
        pattern: "**/*",
        olderThan: max_age_hours * 3_600_000,
        dryRun: false,
      })),
  ],
  {
    error: 'give { directory, olderThan: "7d", pattern?, dryRun? } or { file_path, max_age_hours }',
  },
);

export default defineTask({
  description: "Deletes files older than a given age beneath a folder.",
  payload,
  queue: "file_cleanup",
  timeout: "10m",
  async handler({ directory, pattern, olderThan, dryRun }, ctx) {
    const base = await insideRoot(resolve(directory));
    const before = Date.now() - olderThan;
    const found = { scanned: 0, deleted: 0, bytes: 0 };
    const failed: string[] = [];
    if (base === null) {
      ctx.log.warn({ directory }, "nothing to clean up: the folder does not exist");
      return { ...found, dryRun, failed };
    }
    for await (const file of filesBeneath(base, ctx)) {
      found.scanned += 1;
      const name = relative(base, file);
      try {
        const { mtimeMs, size } = await lstat(file);
        if (mtimeMs < before && matchesGlob(name, pattern)) {
          if (!dryRun) await unlink(file);
          found.deleted += 1;
          found.bytes += size;
        }
      } catch (error) {
        if (!isGone(error)) failed.push(error instanceof Error ? error.message : String(error));
      }
      await ctx.progress(found.scanned, undefined, `${found.deleted} deleted`);
    }
    if (failed.length > 0 && found.deleted === 0) {
      throw new Error(`none of ${failed.length} files could be deleted: ${failed[0]}`);
    }
    ctx.log.info({ ...found, failed: failed.length, dryRun }, "cleaned up");
    return { ...found, dryRun, failed: failed.slice(0, maxReasons) };
  },
});

/** The folder with every link in it resolved; null when there is none. */
async function insideRoot(folder: string): Promise<string | null> {
  const dataDir = process.env.TASKRUN_DATA_DIR ?? ".taskrun";
  const allowed = process.env.CLEANUP_ROOT?.split(delimiter).filter(Boolean);
  const own = ["outbox", "reports", "data", "exports", "backups"].map((name) =>
    join(dataDir, name),
  );
  const roots = (allowed ?? own).map((root) => resolve(root));
  // Looked at as written first, so that a foreign path isn't even probed for.
  if (roots.some((root) => contains(root, folder))) {
    const real = await realpath(folder).catch(nullIfGone);
    if (real === null) return null;
    const realRoots = await Promise.all(roots.map((root) => realpath(root).catch(nullIfGone)));
    if (realRoots.some((root) => root !== null && contains(root, real))) return real;
  }
  throw new PermanentError(
    `${folder} is outside ${roots.join(" and ")}; set CLEANUP_ROOT to allow another folder`,
  );
}

async function* filesBeneath(folder: string, ctx: TaskContext): AsyncGenerator<string> {
  // Removed or made a link meanwhile: what lies behind it isn't ours.
  if ((await realpath(folder).catch(nullIfGone)) !== folder) return;
  for await (const entry of await opendir(folder)) {
    ctx.signal.throwIfAborted();
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBeneath(path, ctx);
    else if (entry.isFile()) yield path;
  }
}

function contains(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function nullIfGone(error: unknown): null {
  if (isGone(error)) return null;
  throw error;
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
