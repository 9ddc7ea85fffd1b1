/**
 * Reads the words of a command line that has nothing odd in it: what scripts, services and people
 * type nearly always. A library for command lines takes a good part of a start to load, so it gets
 * only what is left out here: help, mistakes, and everything of which this file isn't sure.
 */

import { flagName, optionSpec } from "../config/schema.ts";
import type { CommandSpec, FlagSpec } from "./command-spec.ts";

export interface PlainWords {
  readonly spec: CommandSpec;
  /** By the names of flags and arguments. */
  readonly values: Readonly<Record<string, string | true>>;
}

interface KnownFlag {
  readonly name: string;
  readonly kind: FlagSpec["kind"];
}

/** Null when the words have to be looked at more closely. */
export function readPlainWords(
  words: readonly string[],
  commands: Readonly<Record<string, CommandSpec>>,
  defaultCommand: string,
): PlainWords | null {
  const [first] = words;
  const named = first !== undefined && Object.hasOwn(commands, first);
  const spec = commands[named ? first : defaultCommand];
  if (spec === undefined) return null;
  const values = readAll(words.slice(named ? 1 : 0), spec);
  return values === null ? null : { spec, values };
}

function readAll(words: readonly string[], spec: CommandSpec): PlainWords["values"] | null {
  const flags = flagsOf(spec);
  const values: Record<string, string | true> = {};
  const loose: string[] = [];
  const left = words.values();
  for (const word of left) {
    // What a switch takes for its value.
    if (word === "true" || word === "false") return null;
    if (!word.startsWith("-")) {
      loose.push(word);
      continue;
    }
    const [written = "", joined] = splitOnce(word);
    const flag = flags.get(written);
    if (flag === undefined || Object.hasOwn(values, flag.name)) return null;
    if (flag.kind === "switch") {
      if (joined !== undefined) return null;
      values[flag.name] = true;
      continue;
    }
    const value = joined ?? left.next().value;
    if (value === undefined || value === "" || /^["'-]/.test(value)) return null;
    values[flag.name] = value;
  }
  return addArguments(values, loose, spec);
}

/** `--name=value`; a short flag is written apart from its value. */
function splitOnce(word: string): [string, string?] {
  const end = word.indexOf("=");
  if (end === -1 || !word.startsWith("--")) return [word];
  return [word.slice(0, end), word.slice(end + 1)];
}

function addArguments(
  values: Record<string, string | true>,
  loose: readonly string[],
  { usage, arguments: names }: CommandSpec,
): PlainWords["values"] | null {
  const required = usage.match(/</g)?.length ?? 0;
  const known = Object.keys(names);
  if (usage.includes("..") || loose.length < required || loose.length > known.length) return null;
  if (loose.some((word) => word === "" || /^["']/.test(word))) return null;
  for (const [place, word] of loose.entries()) values[known[place] ?? ""] = word;
  return values;
}

/** By the words that they are written with. */
function flagsOf(spec: CommandSpec): ReadonlyMap<string, KnownFlag> {
  const flags = new Map<string, KnownFlag>([["--config", { name: "config", kind: "text" }]]);
  const add = (name: string, kind: FlagSpec["kind"], shortFlag: string | undefined) => {
    flags.set(`--${name}`, { name, kind });
    if (shortFlag !== undefined) flags.set(`-${shortFlag}`, { name, kind });
  };
  for (const [name, { kind, shortFlag }] of Object.entries(spec.flags)) add(name, kind, shortFlag);
  for (const option of spec.options) {
    const { kind, shortFlag } = optionSpec(option);
    add(flagName(option) ?? option, kind === "boolean" ? "switch" : "text", shortFlag);
  }
  return flags;
}
