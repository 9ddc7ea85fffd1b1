import { expect, test } from "vitest";
import { definePlugin, pluginEvents } from "../../src/core/plugin.ts";

test("a plugin is what it was defined as", () => {
  const plugin = { name: "metrics", listeners: { "database:back": () => {} } };
  expect(definePlugin(plugin)).toBe(plugin);
});

test("a listener's event and what it hears are typed", () => {
  definePlugin({
    name: "typed",
    listeners: {
      "attempt:finished": ({ job, durationMs }) => [job.task.length, durationMs.toFixed()],
      // @ts-expect-error there is no such event
      "attempt:began": () => {},
    },
  });
  expect(pluginEvents).toContain("attempt:finished");
  expect(pluginEvents).not.toContain("attempt:began");
});
