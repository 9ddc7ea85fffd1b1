/** What `pause` and `resume` are to act on: one task, one serial queue, or everything. */

import type { GateKind } from "../store/gates.ts";
import { usageError } from "./cli-error.ts";
import type { CommandArguments } from "./command-arguments.ts";

export interface Gate {
  readonly kind: GateKind;
  /** "" for all. */
  readonly name: string;
}

/** @throws CliError usage, unless exactly one of the three is named. */
export function gateFrom(args: CommandArguments): Gate {
  const given: Gate[] = [];
  const task = args.text("task");
  const queue = args.text("queue");
  if (task !== undefined) given.push({ kind: "task", name: task });
  if (queue !== undefined) given.push({ kind: "queue", name: queue });
  if (args.isSet("all")) given.push({ kind: "all", name: "" });
  const [gate, ...others] = given;
  if (gate === undefined || others.length > 0 || (gate.kind !== "all" && gate.name === "")) {
    throw usageError("Name a task, or give --queue NAME or --all: one of the three.");
  }
  return gate;
}

/** In the middle of a sentence: "task send_email". */
export function describeGate({ kind, name }: Gate): string {
  return kind === "all" ? "all tasks" : `${kind} ${name}`;
}
