import fc from "fast-check";
import { parseCrontab as upstreamParse } from "graphile-worker";
import { expect, test } from "vitest";
import { parseCrontab } from "../../../src/discovery/crontab/parse-crontab.ts";

test("a bad line stops no other and has its number", async () => {
  const { items, failures } = await parseCrontab(
    "# nightly\n0 4 * * * good\n\n61 * * * * bad\r\n  0 5 * * * fine ?tz=Mars/Crater\n0 6 * * * last\n",
  );
  expect(items.map(({ task, line }) => `${line} ${task}`)).toEqual(["2 good", "6 last"]);
  expect(failures.map(({ task, line, column }) => [line, column, task])).toEqual([
    [4, 1, "bad"],
    [5, 19, "fine"],
  ]);
  expect(failures[0]?.frame).toContain("> 4 | 61 * * * * bad\n    | ^");
});

test("an identifier that is taken is refused to the later line", async () => {
  const { items, failures } = await parseCrontab("0 4 * * * a\n0 5 * * * b\n0 6 * * * c ?id=a\n");
  expect(items.map(({ task }) => task)).toEqual(["a", "b"]);
  expect(failures).toMatchObject([
    {
      line: 3,
      reason: "line 1 has the identifier a already",
      fix: expect.stringContaining("?id="),
    },
  ]);
});

test("the comment directly above a line is kept with it", async () => {
  const { items } = await parseCrontab(
    "# The backups.\n# Keep.\n0 4 * * * a\n0 5 * * * b\n# lost\n\n0 6 * * * c\n#\n0 7 * * * d\n",
  );
  expect(items.map(({ comment }) => comment)).toEqual(["The backups. Keep.", null, null, null]);
});

test("a text without lines says nothing, whatever its ends and marks are", async () => {
  for (const text of ["", "\n\n", "# only\n  # comments\r\n", "\uFEFF# marked"]) {
    expect(await parseCrontab(text)).toEqual({ text, items: [], failures: [] });
  }
  expect((await parseCrontab("\uFEFF0 4 * * * a")).items).toHaveLength(1);
});

const fields = fc.array(fc.stringMatching(/^[0-9*/,-]{1,6}$/), { minLength: 4, maxLength: 6 });
const option = fc.tuple(
  fc.constantFrom("id", "fill", "max", "queue", "jobKey", "jobKeyMode", "priority", "tz", "x"),
  fc.oneof(fc.string(), fc.constantFrom("1", "0", "1d", "replace", "Europe/Paris", "a_b")),
);
const almostLine = fc
  .tuple(
    fields,
    fc.oneof(fc.string(), fc.constantFrom("task", "a/b", "c:d")),
    fc.array(option, { maxLength: 3 }),
    fc.oneof(fc.constant(""), fc.json(), fc.string()),
  )
  .map(([times, task, options, payload]) => {
    const given = options.map(([name, value]) => `${name}=${value}`).join("&");
    return [times.join(" "), task, given === "" ? "" : `?${given}`, payload].join(" ");
  });
const rightField = fc.constantFrom("*", "*/7", "1", "2-5", "1,3");
const rightLine = fc
  .tuple(fc.array(rightField, { minLength: 5, maxLength: 5 }), fc.integer({ min: 0 }))
  .map(([times, id]) => `${times.join(" ")} task ?id=t${id}`);
const crontab = fc.array(
  fc.oneof(
    fc.string({ unit: "binary" }),
    almostLine,
    rightLine,
    fc.string().map((s) => `#${s}`),
  ),
  { maxLength: 8 },
);

test("no text makes the parser throw, and each line ends as item, failure or comment", async () => {
  await fc.assert(
    fc.asyncProperty(crontab, async (lines) => {
      const text = lines.join("\n");
      const { items, failures } = await parseCrontab(text);
      const seen = new Set([...items, ...failures].map(({ line }) => line));
      const said = text.split(/\r?\n/).map((line) => line.trim());
      for (const [index, line] of said.entries()) {
        expect(seen.has(index + 1)).toBe(line !== "" && !line.startsWith("#"));
      }
      for (const { line, column, reason, fix } of failures) {
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual((text.split(/\r?\n/)[line - 1] ?? "").length + 1);
        expect([reason, fix]).not.toContain("");
      }
    }),
    { numRuns: 500 },
  );
});

test("what is taken means the same to graphile-worker, once tz is away", async () => {
  await fc.assert(
    fc.asyncProperty(rightLine, async (line) => {
      const [mine] = (await parseCrontab(`${line}&tz=Europe/Paris`)).items;
      const [theirs] = upstreamParse(line);
      if (mine === undefined || theirs === undefined) throw new Error("refused");
      expect(mine.identifier).toBe(theirs.identifier);
      for (let min = 0; min < 60; min += 1) {
        const digest = { min, hour: min % 24, date: 1 + (min % 31), month: 1 + (min % 12), dow: 3 };
        expect(mine.schedule.matches(digest)).toBe(theirs.match(digest));
      }
    }),
  );
});
