/**
 * Takes secrets out of values and texts. Two ways that belong together: by place, where a path
 * leads, and by value, wherever the same text turns up again (an error that quotes a key).
 */

import { maskedText } from "./secret.ts";
import type { SecretPath } from "./secret-path.ts";

/** Shorter ones are masked in their place only: they turn up in texts that have no secret. */
export const shortestFound = 4;
/** What is nested deeper is masked as a whole. */
const deepest = 500;

/** A copy of the JSON value in which whatever a path leads to is masked. */
export function maskAt(value: unknown, paths: readonly SecretPath[]): unknown {
  return paths.reduce((masked, path) => replaceAt(masked, path, 0), value);
}

function replaceAt(value: unknown, path: SecretPath, depth: number): unknown {
  const [step, ...rest] = path;
  // Nothing to hide where nothing is.
  if (step === undefined) return value === null || value === undefined ? value : maskedText;
  if (typeof value !== "object" || value === null) return value;
  if (depth > deepest) return maskedText;
  const next = (entry: unknown, way: SecretPath) => replaceAt(entry, way, depth + 1);
  if (step === "**") {
    const here = replaceAt(value, rest, depth + 1);
    return mapMembers(here, (entry) => next(entry, path));
  }
  if (step === "*") return mapMembers(value, (entry) => next(entry, rest));
  if (Array.isArray(value) && !/^\d+$/.test(step)) {
    return value.map((entry) => next(entry, path));
  }
  return mapMembers(value, (entry, name) => (name === step ? next(entry, rest) : entry));
}

function mapMembers(value: unknown, change: (entry: unknown, name: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((entry, place) => change(entry, String(place)));
  if (typeof value !== "object" || value === null) return value;
  // fromEntries, not assignment: a member may be called __proto__.
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, change(entry, name)]),
  );
}

/** The texts and numbers that the paths lead to, each once, as texts. */
export function textsAt(value: unknown, paths: readonly SecretPath[]): string[] {
  const found = new Set<string>();
  for (const path of paths) {
    collect(value, path, found, 0);
  }
  return [...found];
}

function collect(value: unknown, path: SecretPath, found: Set<string>, depth: number): void {
  const [step, ...rest] = path;
  if (typeof value !== "object" || value === null) {
    const isText = typeof value === "string" || typeof value === "number";
    if (step === undefined && isText) found.add(String(value));
    return;
  }
  if (depth > deepest) return;
  if (step === "**") collect(value, rest, found, depth + 1);
  for (const [name, entry] of Object.entries(value)) {
    if (step === undefined || step === "**") collect(entry, path, found, depth + 1);
    else if (step === "*" || step === name) collect(entry, rest, found, depth + 1);
    else if (Array.isArray(value) && !/^\d+$/.test(step)) collect(entry, path, found, depth + 1);
  }
}

/** Finds texts that are known to be secret. */
export class SecretTexts {
  /** Longest first: one may be a part of another. */
  readonly #forms: readonly string[];

  constructor(texts: readonly string[]) {
    const forms = new Set(texts.flatMap(formsOf));
    this.#forms = [...forms].sort((a, b) => b.length - a.length);
  }

  get isEmpty(): boolean {
    return this.#forms.length === 0;
  }

  /** What they begin with, each once. */
  begins(): Set<string> {
    return new Set(this.#forms.map((form) => form.slice(0, shortestFound)));
  }

  isIn(text: string): boolean {
    return this.#forms.some((form) => text.includes(form));
  }

  mask(text: string): string {
    return this.#forms.reduce((masked, form) => masked.replaceAll(form, maskedText), text);
  }

  /** A copy of the JSON value, with all its texts and names masked. */
  maskValue(value: unknown, depth = 0): unknown {
    if (typeof value === "string") return this.mask(value);
    if (typeof value === "number") {
      return this.#forms.includes(String(value)) ? maskedText : value;
    }
    if (typeof value !== "object" || value === null) return value;
    if (depth > deepest) return maskedText;
    if (Array.isArray(value)) return value.map((entry) => this.maskValue(entry, depth + 1));
    return Object.fromEntries(
      Object.entries(value).map(([name, entry]) => [
        this.mask(name),
        this.maskValue(entry, depth + 1),
      ]),
    );
  }
}

/** As it is, within JSON, within an address, and each line of a key that has several. */
function formsOf(text: string): string[] {
  if (text.length < shortestFound) return [];
  const lines = text.includes("\n") ? text.split(/\r?\n/).filter((line) => line.length > 15) : [];
  const trimmed = text.trim();
  const forms = [text, trimmed, JSON.stringify(trimmed).slice(1, -1), inAddress(trimmed), ...lines];
  return forms.filter((form) => form.length >= shortestFound);
}

function inAddress(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
