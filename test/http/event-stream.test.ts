import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { EventStream } from "../../src/http/event-stream.ts";

test("an event is told in the form that browsers read", async () => {
  const stream = new EventStream(() => {});
  stream.send({ id: "1", name: "job", data: { text: "two\nlines" } });
  stream.comment();
  stream.end();
  let text = "";
  for await (const chunk of stream.body) text += chunk;
  expect(text).toBe(
    'retry: 2000\n\nid: 1\nevent: job\ndata: {"text":"two\\nlines"}\n\n: still here\n\n',
  );
});

test("who doesn't read is dropped at a megabyte", async () => {
  const onEnd = vi.fn();
  const stream = new EventStream(onEnd);
  const data = "x".repeat(1_000);
  for (let n = 0; n < 900; n += 1) stream.send({ id: "1", name: "job", data });
  expect(stream.body.destroyed).toBe(false);
  for (let n = 0; n < 200; n += 1) stream.send({ id: "1", name: "job", data });
  expect(stream.body.destroyed).toBe(true);
  await sleep(0);
  expect(onEnd).toHaveBeenCalledOnce();
  stream.send({ id: "2", name: "job", data });
});
