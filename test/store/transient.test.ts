import { expect, test, vi } from "vitest";
import {
  isRefusal,
  isTooSlow,
  isTransient,
  pause,
  retryTransient,
} from "../../src/store/transient.ts";

const coded = (code: string, more: object = {}) => Object.assign(new Error("x"), { code, ...more });

/** What it is, and whether it passes by itself or is said of the values that were sent. */
const table: [what: string, error: unknown, transient: boolean, refusal: boolean][] = [
  ["a lost connection", coded("08006"), true, false],
  ["a deadlock", coded("40P01"), true, false],
  ["a serialization failure", coded("40001"), true, false],
  ["too many connections", coded("53300"), true, false],
  ["a full disk", coded("53100"), true, false],
  ["a server that shuts down", coded("57P01"), true, false],
  ["a statement timeout", coded("57014"), true, false],
  ["a server that starts up", coded("57P03"), true, false],
  ["a standby that was the primary", coded("25006"), true, false],
  ["a lock timeout", coded("55P03"), true, false],
  ["a refused connection", coded("ECONNREFUSED"), true, false],
  ["a broken pipe, whose code is as long as an SQLSTATE", coded("EPIPE"), true, false],
  ["a name server that is away", coded("EAI_AGAIN"), true, false],
  ["a socket that is not there yet", coded("ENOENT", { syscall: "connect" }), true, false],
  ["a file that is not there", coded("ENOENT", { syscall: "open" }), false, true],
  ["pg's lost connection", new Error("Connection terminated unexpectedly"), true, false],
  [
    "pg's broken client",
    new Error("Client has encountered a connection error and is not queryable"),
    true,
    false,
  ],
  ["pg's full pool", new Error("timeout exceeded when trying to connect"), true, false],
  ["pg's silent server at connecting", new Error("timeout expired"), true, false],
  ["pg's silent server later", new Error("Query read timeout"), true, false],
  ["pg's ended pool", new Error("Cannot use a pool after calling end on the pool"), false, true],
  ["every address refused", new AggregateError([coded("ECONNREFUSED")]), true, false],
  ["no address at all", new AggregateError([coded("ERR_X")]), false, true],
  ["text that json refuses", coded("22P02"), false, true],
  ["an escape that jsonb refuses", coded("22P05"), false, true],
  ["a broken constraint", coded("23505"), false, true],
  ["a value that is too big", coded("54000"), false, true],
  ["a trigger's own exception", coded("P0001"), false, true],
  ["an internal error", coded("XX000"), false, true],
  ["a pooler that has no connection left", coded("XX000", { severity: "FATAL" }), true, false],
  ["no permission", coded("42501"), false, false],
  ["no such table", coded("42P01"), false, false],
  ["a wrong password", coded("28P01"), false, false],
  ["no such database", coded("3D000"), false, false],
  ["a text that is too long for JavaScript", new RangeError("Invalid string length"), false, true],
  ["no error at all", "oops", false, true],
  ["null", null, false, true],
];

test.each(table)("%s", (_what, error, transient, refusal) => {
  expect({ transient: isTransient(error), refusal: isRefusal(error) }).toEqual({
    transient,
    refusal,
  });
});

test("what took too long is told from what the server did not get to", () => {
  expect(isTooSlow(coded("57014"))).toBe(true);
  expect(isTooSlow(new Error("Query read timeout"))).toBe(true);
  expect(isTooSlow(coded("57P01"))).toBe(false);
  expect(isTooSlow("57014")).toBe(false);
});

test("retryTransient tries until it succeeds and tells of each wait", async () => {
  const waits: number[] = [];
  const result = await retryTransient(
    async (tries) => {
      if (tries < 3) throw coded("57P01");
      return tries;
    },
    { onRetry: (_error, delayMs) => waits.push(delayMs) },
  );
  expect(result).toBe(3);
  expect(waits).toHaveLength(2);
  for (const wait of waits) expect(wait).toBeLessThanOrEqual(2000);
});

test("retryTransient throws at once what doesn't pass", async () => {
  let tries = 0;
  const attempt = retryTransient(async () => {
    tries += 1;
    throw coded("23505");
  });
  await expect(attempt).rejects.toMatchObject({ code: "23505" });
  expect(tries).toBe(1);
});

test("a pause that is longer than a timer can be doesn't end at once", async () => {
  vi.useFakeTimers();
  try {
    const paused = pause(2 ** 31);
    vi.advanceTimersByTime(2 ** 31 - 2);
    await expect(Promise.race([paused, Promise.resolve("still waiting")])).resolves.toBe(
      "still waiting",
    );
    vi.advanceTimersByTime(1);
    await paused;
  } finally {
    vi.useRealTimers();
  }
});

test("retryTransient gives up with the last error when its signal aborts", async () => {
  const stop = new AbortController();
  const attempt = retryTransient(
    async (tries) => {
      if (tries === 2) stop.abort();
      throw coded("08006", { tries });
    },
    { signal: stop.signal },
  );
  await expect(attempt).rejects.toMatchObject({ tries: 2 });
});

test("a pause ends with its signal, also one that has aborted before", async () => {
  const stop = new AbortController();
  const paused = pause(3_600_000, stop.signal);
  stop.abort();
  await paused;
  await pause(3_600_000, stop.signal);
});
