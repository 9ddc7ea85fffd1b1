import { expect, test } from "vitest";
import { ModuleGraph } from "../../src/discovery/module-graph.ts";

function graph(): ModuleGraph {
  const made = new ModuleGraph();
  made.add("/a", "./m", "/m");
  made.add("/b", "./m.js", "/m");
  made.add("/m", "./deep", "/deep");
  made.add("/deep", "./m", "/m");
  return made;
}

test("dependents and dependencies reach through other modules, and through circles", () => {
  expect([...graph().dependentsOf("/deep")]).toEqual(["/deep", "/m", "/a", "/b"]);
  expect([...graph().dependenciesOf("/a")]).toEqual(["/a", "/m", "/deep"]);
  expect([...graph().dependenciesOf("/alone")]).toEqual(["/alone"]);
});

test("an edge keeps the specifier as it was written", () => {
  expect(graph().importersOf("/m")).toEqual([
    { importer: "/a", specifier: "./m" },
    { importer: "/b", specifier: "./m.js" },
    { importer: "/deep", specifier: "./m" },
  ]);
  expect(graph().fileFor("/b", "./m.js")).toBe("/m");
  expect(graph().fileFor("/b", "pg")).toBeNull();
});

test("what a file imports is forgotten, who imports it is not", () => {
  const graph = new ModuleGraph();
  graph.add("/task", "./helper", "/helper");
  graph.add("/helper", "./db", "/db");
  graph.forget("/helper");
  expect([...graph.dependenciesOf("/task")]).toEqual(["/task", "/helper"]);
  expect([...graph.dependentsOf("/helper")]).toEqual(["/helper", "/task"]);
  expect(graph.importersOf("/db")).toEqual([]);
  expect([...graph.imported()]).toEqual(["/helper"]);
});
