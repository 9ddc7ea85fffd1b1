import { spawn } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { afterEach, expect, test } from "vitest";
import { pidSpace } from "../../../src/runtime/presence/pid-space.ts";
import { pause } from "../../../src/store/transient.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { addBySql, countLocks, signal, testRuntime } from "../../support/test-runtime.ts";

let kit: TestRuntime;
afterEach(() => kit?.stop());

/** As a process would have left it that was killed while it ran this job. */
async function leaveLocked(id: string, processId: string): Promise<void> {
  await kit.db.query(
    `insert into taskrun.processes (id, host, pid, version) values ($1, 'h', 1, '0')
     on conflict do nothing`,
    [processId],
  );
  await kit.db.query(
    `update graphile_worker._private_jobs
     set locked_by = $2, locked_at = now(), attempts = attempts + 1 where id = $1`,
    [id, processId],
  );
  await kit.db.query("update taskrun.processes set running = array[$1::bigint] where id = $2", [
    id,
    processId,
  ]);
}

test("the jobs of a process that fell silent run again elsewhere", async () => {
  const ran = signal<number>();
  kit = await testRuntime({
    lost: async (_payload: unknown, ctx: { attempt: number }) => ran.resolve(ctx.attempt),
  });
  const id = await addBySql(kit, "lost");
  await leaveLocked(id, "taskrun-gone");
  const runtime = kit.createRuntime({ heartbeatIntervalMs: 50, pollIntervalMs: 50 });
  const buried = once(runtime.events, "process:buried");
  await runtime.start();
  expect(await buried).toMatchObject([{ processId: "taskrun-gone", retried: 1, failed: 0 }]);
  expect(await ran.promise).toBe(2);
  await runtime.stop();
  const { rows } = await kit.db.query("select state, error_message from taskrun.attempts");
  expect(rows).toMatchObject([{ state: "retrying" }]);
  expect(rows[0].error_message).toBe("process died (taskrun-gone fell silent)");
});

test("a job whose last attempt died with its process has failed, with the reason", async () => {
  kit = await testRuntime({ lost: async () => null });
  const id = await addBySql(kit, "lost", {}, "max_attempts := 1");
  await leaveLocked(id, "taskrun-gone");
  const runtime = kit.createRuntime({ heartbeatIntervalMs: 50 });
  const buried = once(runtime.events, "process:buried");
  await runtime.start();
  expect(await buried).toMatchObject([{ retried: 0, failed: 1 }]);
  await runtime.stop();
  expect(await kit.job(id)).toMatchObject({ state: "failed", attempts: 1 });
  expect((await kit.job(id))?.error).toMatch(/process died/);
  expect(await countLocks(kit)).toBe(0);
});

test.runIf(pidSpace() !== null)(
  "a process that can be seen to be gone is buried at once",
  async () => {
    kit = await testRuntime({ lost: async () => null });
    const id = await addBySql(kit, "lost");
    await leaveLocked(id, "taskrun-gone");
    const gone = spawn(process.execPath, ["--version"], { stdio: "ignore" });
    await once(gone, "exit");
    await kit.db.query("update taskrun.processes set pid = $1, pid_space = $2", [
      gone.pid,
      pidSpace(),
    ]);
    const runtime = kit.createRuntime({ heartbeatIntervalMs: 50 });
    const buried = once(runtime.events, "process:buried");
    // Its beat never stands still for long enough to be missed.
    const beating = setInterval(() => {
      void kit.db.query("update taskrun.processes set beat_seq = beat_seq + 1 where id = $1", [
        "taskrun-gone",
      ]);
    }, 150);
    await runtime.start();
    expect(await buried).toMatchObject([{ processId: "taskrun-gone", retried: 1 }]);
    const { rows } = await kit.db.query("select error_message from taskrun.attempts");
    expect(rows).toEqual([{ error_message: "process died (taskrun-gone is gone)" }]);
    clearInterval(beating);
    await runtime.stop();
  },
);

test("the process's row lists the jobs that its handlers are at", async () => {
  const release = signal();
  kit = await testRuntime({ held: () => release.promise });
  const running = async (): Promise<string[]> => {
    const { rows } = await kit.db.query("select running from taskrun.processes");
    return rows[0].running;
  };
  const runtime = kit.createRuntime({ heartbeatIntervalMs: 20, concurrency: 1 });
  await runtime.start();
  const ids = [await addBySql(kit, "held"), await addBySql(kit, "held")];
  while ((await running()).length === 0) await pause(5);
  expect(await running()).toEqual([ids[0]]);
  release.resolve();
  while ((await running()).length > 0) await pause(5);
  await runtime.stop();
});

test("the process's row tells how many handlers are stuck, until they end", async () => {
  const release = signal();
  kit = await testRuntime({ deaf: { timeout: 10, handler: () => release.promise } });
  const stuck = async (): Promise<number> => {
    const { rows } = await kit.db.query("select stuck from taskrun.processes");
    return rows[0].stuck;
  };
  const runtime = kit.createRuntime({ heartbeatIntervalMs: 20, timeoutGraceMs: 10 });
  await runtime.start();
  for (let n = 0; n < 2; n += 1) await addBySql(kit, "deaf", {}, "max_attempts := 1");
  while ((await stuck()) !== 2) await pause(5);
  release.resolve();
  while ((await stuck()) !== 0) await pause(5);
  await runtime.stop();
});

test("a process that blocks its event loop still beats and keeps its jobs", async () => {
  kit = await testRuntime({
    busy: async () => {
      const until = Date.now() + 1500;
      while (Date.now() < until);
      return "kept";
    },
  });
  const other = kit.createRuntime({ heartbeatIntervalMs: 50 });
  const runtime = kit.createRuntime({ heartbeatIntervalMs: 50 });
  const buried: unknown[] = [];
  other.events.on("process:buried", (event) => buried.push(event));
  const ended = Promise.race([
    once(runtime.events, "attempt:finished"),
    once(runtime.events, "attempt:lost"),
  ]);
  await runtime.start();
  const { id } = await kit.enqueue("busy");
  await other.start();
  await ended;
  await Promise.all([runtime.stop(), other.stop()]);
  expect(buried).toEqual([]);
  expect(await kit.job(id)).toMatchObject({ state: "completed", attempts: 1 });
});

test("a process that was declared dead aborts what it runs and goes on under a new id", async () => {
  const started = signal();
  let runs = 0;
  kit = await testRuntime({
    task: async (_payload: unknown, ctx: { signal: AbortSignal }) => {
      runs += 1;
      if (runs > 1) return "second";
      started.resolve();
      await new Promise((_, reject) => {
        ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
      });
    },
  });
  const runtime = kit.createRuntime({ heartbeatIntervalMs: 50, pollIntervalMs: 50 });
  await runtime.start();
  const first = runtime.processId;
  const { id } = await kit.enqueue("task");
  await started.promise;
  const replaced = once(runtime.events, "process:replaced");
  const lost = once(runtime.events, "attempt:lost");
  const finished = signal();
  runtime.events.on("attempt:finished", ({ state }) => {
    if (state === "completed") finished.resolve();
  });
  await kit.db.query(
    `with dead as (update taskrun.processes set dead_at = now() where id = $1)
     update graphile_worker._private_jobs set locked_by = null, locked_at = null
     where locked_by = $1`,
    [first],
  );
  await Promise.all([replaced, lost, finished.promise]);
  expect(runtime.processId).not.toBe(first);
  await runtime.stop();
  expect(await kit.job(id)).toMatchObject({ state: "completed", output: "second" });
});

test("who ignores that its process was declared dead has its slot no longer than the grace", async () => {
  const started = signal();
  let runs = 0;
  kit = await testRuntime({
    task: () => {
      runs += 1;
      if (runs > 1) return "second";
      started.resolve();
      return new Promise(() => {});
    },
    other: async () => "other",
  });
  const config = { heartbeatIntervalMs: 50, pollIntervalMs: 50, concurrency: 1 };
  const runtime = kit.createRuntime({ ...config, timeoutGraceMs: 50 });
  await runtime.start();
  const { id } = await kit.enqueue("task");
  await started.promise;
  const replaced = once(runtime.events, "process:replaced");
  await kit.db.query(
    `with dead as (update taskrun.processes set dead_at = now())
     update graphile_worker._private_jobs set locked_by = null, locked_at = null`,
  );
  await replaced;
  const { id: other } = await kit.enqueue("other");
  const state = async (job: string) => (await kit.job(job))?.state;
  await expect.poll(() => state(other), { timeout: 5_000 }).toBe("completed");
  await expect.poll(() => state(id), { timeout: 5_000 }).toBe("completed");
  expect(runtime.stuck).toBe(1);
  await runtime.stop();
});

test("a process that was declared dead tells of its new id until the database takes it", async () => {
  kit = await testRuntime({ task: async () => null });
  const runtime = kit.createRuntime({ heartbeatIntervalMs: 50, pollIntervalMs: 50 });
  await runtime.start();
  // What a sequence has counted stays when a statement fails.
  await kit.db.query(
    `create sequence public.tries;
     create function public.refuse() returns trigger language plpgsql as $$
     begin
       if nextval('public.tries') < 3 then raise exception 'not now' using errcode = '57P03'; end if;
       return new;
     end $$;
     create trigger refuse before insert on taskrun.processes
       for each row execute function public.refuse()`,
  );
  const first = runtime.processId;
  const replaced = once(runtime.events, "process:replaced");
  await kit.db.query("update taskrun.processes set dead_at = now()");
  expect(await replaced).toMatchObject([{ processId: first, newProcessId: runtime.processId }]);
  const { rows } = await kit.db.query("select id from taskrun.processes where dead_at is null");
  expect(rows).toEqual([{ id: runtime.processId }]);
  await runtime.stop();
});

test("a process of this machine that has not beaten yet is alive as long as its number is", async () => {
  kit = await testRuntime({ task: async () => null });
  await kit.db.query(
    `insert into taskrun.processes (id, host, pid, version)
     values ('alive', $1, $2, '0'), ('gone', $1, 999999999, '0')`,
    [hostname(), process.pid],
  );
  const runtime = kit.createRuntime({ heartbeatIntervalMs: 20 });
  const buried: string[] = [];
  const oneBuried = signal();
  runtime.events.on("process:buried", ({ processId }) => {
    buried.push(processId);
    oneBuried.resolve();
  });
  await runtime.start();
  await oneBuried.promise;
  await runtime.stop();
  expect(buried).toEqual(["gone"]);
});
