import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Classification, classify } from "../../src/core/classify.ts";
import type { Classify } from "../../src/core/task.ts";
import * as errors from "../../src/core/task-errors.ts";

const nowMs = Date.parse("2026-05-04T03:02:01Z");

function verdict(thrown: unknown, task: Classify | null = null, config: Classify | null = null) {
  return classify(thrown, { task, config, nowMs });
}

function withProps(props: object, message = "x") {
  return Object.assign(new Error(message), props);
}

const permanent = (rule: string) => ({ kind: "permanent", rule }) as Classification;
const retryable = (rule: string, afterMs: number | null = null) =>
  ({ kind: "retryable", rule, afterMs }) as Classification;
const snooze = (rule: string, afterMs: number) =>
  ({ kind: "snooze", rule, afterMs }) as Classification;

describe("row 1: thrown on purpose", () => {
  const rule = "thrown-on-purpose";
  test.each([
    [new errors.PermanentError("x"), permanent(rule)],
    [new errors.RetryableError("x"), retryable(rule)],
    [new errors.RetryableError("x", { after: "2m" }), retryable(rule, 120_000)],
    [new errors.InvalidPayloadError("x"), permanent(rule)],
    [new errors.BusinessLogicError("x"), permanent(rule)],
    [new errors.ExternalServiceError("x"), retryable(rule)],
    [new errors.RateLimitedError("30s"), retryable(rule, 30_000)],
    [new errors.TaskTimeoutError(), retryable(rule)],
    [new errors.CircuitOpenError(), snooze(rule, 60_000)],
    [new errors.RetryLaterError("x", "5m"), snooze(rule, 300_000)],
  ])("%s", (error, expected) => {
    expect(verdict(error)).toEqual(expected);
  });

  test("holds through causes, the outermost first", () => {
    const cause = new errors.PermanentError("no such account");
    expect(verdict(new Error("could not charge", { cause }))).toEqual(permanent(rule));
    expect(verdict(new errors.RetryableError("x", { cause }))).toEqual(retryable(rule));
  });

  test("goes before every other row", () => {
    const error = Object.assign(new errors.RetryableError("PERMANENT: x"), { status: 404 });
    expect(verdict(error, () => "permanent")).toEqual(retryable(rule));
  });
});

describe("row 2: classify", () => {
  test.each(["permanent", "retryable"] as const)("the task says %s", (word) => {
    expect(verdict(new Error("x"), () => word)).toMatchObject({
      kind: word,
      rule: "task-classify",
    });
  });

  test("the config is asked when the task has no word", () => {
    const answer = verdict(
      new Error("x"),
      () => undefined,
      () => "permanent",
    );
    expect(answer).toEqual(permanent("config-classify"));
  });

  test("the task's word goes before the config's", () => {
    const answer = verdict(
      new Error("x"),
      () => "retryable",
      () => "permanent",
    );
    expect(answer).toEqual(retryable("task-classify"));
  });

  test("goes before the message's prefix and everything after", () => {
    const error = withProps({ status: 400 }, "PERMANENT: x");
    expect(verdict(error, () => "retryable")).toEqual(retryable("task-classify"));
  });

  test("gets what was thrown, not its cause", () => {
    const thrown = new Error("outer", { cause: new Error("inner") });
    const seen: unknown[] = [];
    verdict(thrown, (error) => {
      seen.push(error);
      return undefined;
    });
    expect(seen).toEqual([thrown]);
  });

  test("one that throws is passed over and reported", () => {
    const reported: unknown[] = [];
    const bug = new TypeError("bug");
    const answer = classify(withProps({ status: 404 }), {
      task: () => {
        throw bug;
      },
      config: null,
      onClassifyThrew: (...given) => reported.push(...given),
    });
    expect(answer).toEqual(permanent("http-status"));
    expect(reported).toEqual(["task", bug]);
  });

  test("an answer that is neither word is no answer", () => {
    expect(verdict(new Error("x"), () => "maybe" as never)).toEqual(retryable("default"));
  });
});

describe("row 3: the message's prefix", () => {
  test.each([
    [new Error("PERMANENT: bad input"), permanent("message-prefix")],
    [new Error("RETRYABLE: try again"), retryable("message-prefix")],
    ["PERMANENT: a string was thrown", permanent("message-prefix")],
    [{ message: "PERMANENT: no Error at all" }, permanent("message-prefix")],
    [
      new Error("x", { cause: new Error("y", { cause: new Error("PERMANENT: z") }) }),
      permanent("message-prefix"),
    ],
    [new Error("x", { cause: "PERMANENT: a string" }), permanent("message-prefix")],
    [new Error("not PERMANENT: here"), retryable("default")],
    [new Error("PERMANENT without a colon"), retryable("default")],
  ])("%s", (thrown, expected) => {
    expect(verdict(thrown)).toEqual(expected);
  });

  test("goes before the HTTP status", () => {
    expect(verdict(withProps({ status: 404 }, "RETRYABLE: x"))).toEqual(
      retryable("message-prefix"),
    );
  });
});

describe("row 4: the payload broke its schema", () => {
  test("is permanent", () => {
    expect(verdict(new errors.PayloadSchemaError("$.to: x"))).toEqual(permanent("payload-schema"));
  });

  test("but the task may say otherwise", () => {
    const error = new errors.PayloadSchemaError("$.to: x");
    expect(verdict(error, () => "retryable")).toEqual(retryable("task-classify"));
  });
});

describe("row 5: an HTTP status", () => {
  test.each([408, 425, 429, 500, 502, 503, 504, 599])("%d is retryable", (status) => {
    expect(verdict(withProps({ status }))).toEqual(retryable("http-status"));
  });

  test.each([400, 401, 403, 404, 409, 410, 422, 499])("%d is permanent", (status) => {
    expect(verdict(withProps({ status }))).toEqual(permanent("http-status"));
  });

  test.each([200, 302, 0, 600, "404", Number.NaN, null])("%j says nothing", (status) => {
    expect(verdict(withProps({ status }))).toEqual(retryable("default"));
  });

  test.each([
    ["statusCode", { statusCode: 404 }],
    ["response.status", { response: { status: 404 } }],
    ["status, where statusCode is no status", { statusCode: 0, status: 404 }],
  ])("is read from %s", (_where, props) => {
    expect(verdict(withProps(props))).toEqual(permanent("http-status"));
  });

  test("is found through a cause", () => {
    const error = new Error("x", { cause: withProps({ status: 404 }) });
    expect(verdict(error)).toEqual(permanent("http-status"));
  });

  test("Retry-After sets the delay", () => {
    const error = withProps({ status: 429, headers: { "retry-after": "17" } });
    expect(verdict(error)).toEqual(retryable("http-status", 17_000));
  });

  test("Retry-After on a status that is permanent changes nothing", () => {
    const error = withProps({ status: 404, headers: { "retry-after": "17" } });
    expect(verdict(error)).toEqual(permanent("http-status"));
  });

  test("goes before a network code", () => {
    expect(verdict(withProps({ status: 404, code: "ECONNRESET" }))).toEqual(
      permanent("http-status"),
    );
  });
});

describe("row 6: a network code", () => {
  test.each(["ECONNRESET", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "EPIPE", "UND_ERR_SOCKET"])(
    "%s is retryable",
    (code) => {
      expect(verdict(withProps({ code }))).toEqual(retryable("network-code"));
    },
  );

  test("is found through causes, as fetch wraps it", () => {
    const error = new TypeError("fetch failed", { cause: withProps({ code: "ECONNREFUSED" }) });
    expect(verdict(error)).toEqual(retryable("network-code"));
  });

  test("other codes of Node say nothing", () => {
    expect(verdict(withProps({ code: "ENOENT" }))).toEqual(retryable("default"));
  });
});

describe("row 7: an SQLSTATE", () => {
  test.each(["08006", "08003", "40001", "40P01", "53300", "57014", "57P01", "55P03"])(
    "%s is retryable",
    (code) => {
      expect(verdict(withProps({ code }))).toEqual(retryable("sqlstate"));
    },
  );

  test.each(["22P02", "22001", "23505", "23503", "42P01", "42601"])("%s is permanent", (code) => {
    expect(verdict(withProps({ code }))).toEqual(permanent("sqlstate"));
  });

  test.each(["55006", "P0001", "4200", "420001", 42_601])("%s says nothing", (code) => {
    expect(verdict(withProps({ code }))).toEqual(retryable("default"));
  });

  test("is found through a cause, as query builders wrap it", () => {
    const error = new Error("Failed query", { cause: withProps({ code: "23505" }) });
    expect(verdict(error)).toEqual(permanent("sqlstate"));
  });
});

describe("row 8: anything else", () => {
  test.each([
    [new Error("x")],
    [null],
    [undefined],
    ["text"],
    [42],
    [{}],
    [Symbol("s")],
    [() => 1],
  ])("%s is retryable", (thrown) => {
    expect(verdict(thrown)).toEqual(retryable("default"));
  });

  test("a chain of causes that runs in a circle is", () => {
    const first = new Error("first");
    const second = new Error("second", { cause: first });
    first.cause = second;
    expect(verdict(first)).toEqual(retryable("default"));
  });

  test("an error whose every getter throws is", () => {
    const hostile = new Proxy(new Error("x"), {
      get() {
        throw new Error("don't look");
      },
      has() {
        throw new Error("don't look");
      },
    });
    expect(verdict(hostile)).toEqual(retryable("default"));
  });
});

describe("for anything that can be thrown", () => {
  const unreadable = new Proxy(new Error("x"), {
    get() {
      throw new Error("hands off");
    },
  });
  const odd = fc.oneof(
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
    fc.constantFrom(unreadable, Object.create(null), () => 1, Symbol("s"), ""),
  );
  const word = fc.oneof(
    odd,
    fc.constantFrom("ECONNRESET", "23505", "40001", "PERMANENT: x", 404, 503, Number.NaN, -1),
  );
  const thrown = fc.oneof(
    odd,
    fc.record(
      {
        ...{ name: word, message: word, code: word, status: word, statusCode: word },
        response: fc.oneof(odd, fc.record({ status: word, headers: odd }, { requiredKeys: [] })),
        headers: fc.oneof(odd, fc.record({ "retry-after": word })),
        ...{ afterMs: word, cause: word, errors: odd },
      },
      { requiredKeys: [] },
    ),
  );
  const told = fc.option(
    fc.oneof(odd, fc.constantFrom("permanent", "retryable")).map((answer) => () => answer),
  );

  test("there is a verdict, and the same each time", () => {
    fc.assert(
      fc.property(thrown, told, told, (error, task, config) => {
        // why: what a task's own function answers is not checked by anybody
        const options = { task: task as Classify | null, config: config as Classify | null, nowMs };
        const answer = classify(error, options);
        expect(["permanent", "retryable", "snooze"]).toContain(answer.kind);
        if (answer.kind !== "permanent" && answer.afterMs !== null) {
          expect(answer.afterMs).toBeGreaterThanOrEqual(0);
        }
        expect(classify(error, options)).toEqual(answer);
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });

  test("the first row that matches anything in the chain decides, in whatever order it is there", () => {
    const rows: [rule: string, error: () => Error][] = [
      ["thrown-on-purpose", () => new errors.RetryableError("x")],
      ["message-prefix", () => new Error("PERMANENT: x")],
      ["payload-schema", () => new errors.PayloadSchemaError("x")],
      ["http-status", () => withProps({ response: { status: 404 } })],
      ["network-code", () => withProps({ code: "ETIMEDOUT" })],
      ["sqlstate", () => withProps({ code: "23505" })],
      ["default", () => new Error("x")],
    ];
    const said = fc.constantFrom("permanent", null);
    fc.assert(
      fc.property(fc.shuffledSubarray(rows, { minLength: 1 }), said, said, (some, own, set) => {
        const chain = some.map(([, error]) => error());
        for (const [place, error] of chain.entries()) {
          Object.defineProperty(error, "cause", { value: chain[place + 1] });
        }
        const order = [
          "thrown-on-purpose",
          ...(own === null ? [] : ["task-classify"]),
          ...(set === null ? [] : ["config-classify"]),
          ...rows.slice(1).map(([rule]) => rule),
        ];
        const present = [...some.map(([rule]) => rule), "task-classify", "config-classify"];
        const expected = order.find((rule) => present.includes(rule));
        expect(
          verdict(
            chain[0],
            () => own ?? undefined,
            () => set ?? undefined,
          ).rule,
        ).toBe(expected);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
