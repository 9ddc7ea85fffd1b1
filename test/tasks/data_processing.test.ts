/** What the example task data_processing promises. */

import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTask } from "taskrun/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import dataProcessing from "../../tasks/data_processing.ts";

const sales = [
  { city: "Oslo", amount: 10, ok: true },
  { city: "Rome", amount: 5, ok: false },
  { city: "Oslo", amount: 2.5, ok: true },
];

let base: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "data-processing-"));
  await mkdir(join(base, "in"));
  vi.stubEnv("DATA_ROOT", join(base, "in"));
  vi.stubEnv("TASKRUN_DATA_DIR", join(base, "out"));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(base, { recursive: true });
});

describe("measuring", () => {
  test.each([
    ["count", 5],
    ["sum", 15],
    ["average", 3],
    ["min", 1],
    ["max", 5],
  ])("plain numbers: %s", async (operation, result) => {
    const { outcome, output } = await runTask(dataProcessing, { operation, data: [1, 2, 3, 4, 5] });

    expect(outcome.state).toBe("completed");
    expect(output).toEqual({ operation, rowsIn: 5, rowsOut: 1, result });
  });

  test.each([
    ["count", 0],
    ["sum", 0],
    ["average", null],
    ["min", null],
  ])("nothing: %s is %j", async (operation, result) => {
    const { output } = await runTask(dataProcessing, { operation, data: [] });

    expect(output).toMatchObject({ rowsIn: 0, result });
  });

  test("more numbers than a call takes arguments", async () => {
    const data = Array.from({ length: 200_000 }, (_, index) => index);
    const { output, progress } = await runTask(dataProcessing, { operation: "max", data });

    expect(output).toMatchObject({ result: 199_999 });
    expect(progress.at(-1)).toMatchObject({ done: 200_000, total: 200_000 });
  });

  test("groups of rows", async () => {
    const { output } = await runTask(dataProcessing, {
      operation: "aggregate",
      data: sales,
      groupBy: "city",
      measure: "sum",
      field: "amount",
    });

    expect(output).toMatchObject({ rowsOut: 2, result: { Oslo: 12.5, Rome: 5 } });
  });

  test("what is no number ends the job and names the row", async () => {
    const data = [{ amount: 1 }, { amount: "many" }];
    const { outcome, error } = await runTask(dataProcessing, {
      operation: "sum",
      data,
      field: "amount",
    });

    expect(outcome.state).toBe("failed");
    expect(error?.message).toBe('row 2, amount: "many" is not a number');
  });

  test("a field that no row has is no number, also one that every object inherits", async () => {
    for (const field of ["none", "constructor"]) {
      const { outcome } = await runTask(dataProcessing, { operation: "sum", data: sales, field });
      expect(outcome.state).toBe("failed");
    }
  });
});

describe("filtering", () => {
  test.each([
    [">", 5, ["Oslo"]],
    [">=", 5, ["Oslo", "Rome"]],
    ["<", 5, ["Oslo"]],
    ["<=", 5, ["Rome", "Oslo"]],
    ["=", 5, ["Rome"]],
    ["!=", 5, ["Oslo", "Oslo"]],
  ])("numbers %s %i", async (comparison, value, cities) => {
    const { output } = await runTask(dataProcessing, {
      operation: "filter",
      data: sales,
      field: "amount",
      comparison,
      value,
    });

    expect(output).toMatchObject({
      rowsIn: 3,
      rowsOut: cities.length,
      rows: cities.map((city) => ({ city })),
    });
  });

  test("by a part of the text", async () => {
    const { output } = await runTask(dataProcessing, {
      operation: "filter",
      data: sales,
      field: "city",
      comparison: "contains",
      value: "om",
    });

    expect(output).toMatchObject({ rows: [sales[1]] });
  });

  test("a long result goes into a file", async () => {
    const data = Array.from({ length: 101 }, (_, n) => ({ n }));
    const payload = { operation: "filter", data, field: "n", comparison: ">=", value: 0 };
    const { output } = await runTask(dataProcessing, payload, { job: { id: "3" } });

    const file = join(base, "out", "data", "3.json");
    expect(output).toEqual({ operation: "filter", rowsIn: 101, rowsOut: 101, file });
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual(data);
  });
});

test("mapping renames and picks fields; what is missing becomes null", async () => {
  const { output } = await runTask(dataProcessing, {
    operation: "map",
    data: sales.slice(0, 1),
    select: { town: "city", postcode: "zip" },
  });

  expect(output).toMatchObject({ rows: [{ town: "Oslo", postcode: null }] });
});

describe("reading a file", () => {
  async function sum(name: string, text: string, field = "amount") {
    await writeFile(join(base, "in", name), text);
    return runTask(dataProcessing, { operation: "sum", file: name, field });
  }

  test("of JSON", async () => {
    expect((await sum("sales.json", JSON.stringify(sales))).output).toMatchObject({ result: 17.5 });
  });

  test("of CSV with quotes, line breaks in cells, a byte order mark and empty lines", async () => {
    const text = '\uFEFFcity,"amount"\r\n"Os,lo",10\r\n\r\n"say ""hi""\r\nthere",2.5\r\n';
    expect((await sum("sales.csv", text)).output).toMatchObject({ rowsIn: 2, result: 12.5 });

    const { output } = await runTask(dataProcessing, {
      operation: "map",
      file: "sales.csv",
      select: { city: "city" },
    });
    expect(output).toMatchObject({ rows: [{ city: "Os,lo" }, { city: 'say "hi"\r\nthere' }] });
  });

  test("of CSV that ends with an empty cell", async () => {
    expect((await sum("a.csv", "amount,note\n1,")).output).toMatchObject({ result: 1 });
  });

  test("of CSV compares numbers as numbers", async () => {
    await writeFile(join(base, "in", "n.csv"), "n\n9\n10\n");
    const payload = { operation: "filter", file: "n.csv", field: "n", comparison: "<", value: 10 };
    expect((await runTask(dataProcessing, payload)).output).toMatchObject({ rows: [{ n: "9" }] });
  });

  test.each([
    ["a ragged row", "a.csv", "a,b\n1\n", "CSV row 2 has 1 cells where the header has 2"],
    ["a stray quote", "a.csv", 'a\n1"2\n', "CSV row 2: a stray quote"],
    ["an open quote", "a.csv", 'a\n"12\n', "CSV row 2: a stray quote"],
    ["broken JSON", "a.json", "[1,", "can't be read as rows"],
    [
      "JSON that is no rows",
      "a.json",
      '[{"a":{"b":1}}]',
      "as rows: 0: give a number, or an object",
    ],
  ])("with %s ends the job", async (_case, name, text, message) => {
    const { outcome, error } = await sum(name, text);

    expect(outcome.state).toBe("failed");
    expect(error?.message).toContain(message);
  });

  test("outside DATA_ROOT is refused, also through a link", async () => {
    await writeFile(join(base, "secret.json"), "[1]");
    await symlink(join(base, "secret.json"), join(base, "in", "link.json"));
    for (const file of ["../secret.json", join(base, "secret.json"), "link.json"]) {
      const { outcome, error } = await runTask(dataProcessing, { operation: "sum", file });
      expect(outcome.state).toBe("failed");
      expect(error?.message).toContain("set DATA_ROOT");
    }
  });

  test("that isn't there ends the job", async () => {
    const { outcome, error } = await runTask(dataProcessing, { operation: "sum", file: "no.json" });

    expect(outcome.state).toBe("failed");
    expect(error?.message).toContain("ENOENT");
  });
});

test.each([
  ["an unknown operation", { operation: "divide", data: [1] }],
  ["neither data nor file", { operation: "sum" }],
  ["both data and file", { operation: "sum", data: [1], file: "a.json" }],
  ["a filter without a comparison", { operation: "filter", data: [1], value: 1 }],
  ["nested rows", { operation: "sum", data: [{ a: { b: 1 } }] }],
])("a payload with %s is refused", async (_case, payload) => {
  const { outcome } = await runTask(dataProcessing, payload);

  expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
});

test("a stopped attempt ends", async () => {
  const stop = new AbortController();
  const payload = { operation: "sum", data: [1] };
  const running = runTask(dataProcessing, payload, { signal: stop.signal });
  stop.abort(new Error("enough"));
  const { error } = await running;

  expect(error?.message).toBe("enough");
});
