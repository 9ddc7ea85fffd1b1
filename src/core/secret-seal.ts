/**
 * Keeps a value without the payload's secrets in it, in a way that the job itself can read again:
 * each secret is replaced by its place among the payload's. For the results of steps, which a
 * later attempt of the same job needs as they were.
 */

import { maskedText } from "./secret.ts";

// A character of private use: no text of anybody's has it by chance.
const edge = "\ue5ec";
const seals = new RegExp(`${edge}(text|number) (\\d+)${edge}`, "g");

const shortestSealed = 4;

export class SecretSeal {
  readonly #texts: readonly string[];
  /** With their places; longest first, since one may be a part of another. */
  readonly #sealed: readonly (readonly [secret: string, place: number])[];

  /** @param texts in an order that every attempt of the job finds again */
  constructor(texts: readonly string[]) {
    this.#texts = texts;
    this.#sealed = texts
      .map((secret, place) => [secret, place] as const)
      .filter(([secret]) => secret.length >= shortestSealed)
      .sort(([a], [b]) => b.length - a.length);
  }

  /** The JSON text without the secrets. */
  seal(json: string): string {
    return changeStrings(json, (value) => {
      return typeof value === "number" ? this.#sealedNumber(value) : this.#sealedText(value);
    });
  }

  /** As it was before. */
  open(json: string): string {
    if (!json.includes(edge)) return json;
    return changeStrings(json, (value) => {
      if (typeof value === "number") return value;
      const [whole, kind, place] = [...value.matchAll(seals)][0] ?? [];
      const secret = this.#texts[Number(place)];
      if (kind === "number" && whole === value && secret !== undefined) return Number(secret);
      return value.replaceAll(seals, (seal, _kind, at) => this.#texts[Number(at)] ?? seal);
    });
  }

  /** What is sealed already is not looked into: a secret may be a word of the seal's. */
  #sealedText(value: string): string {
    let parts: readonly string[] = [value];
    for (const [secret, place] of this.#sealed) {
      if (!value.includes(secret)) continue;
      const seal = named("text", place);
      // Every other part is a seal.
      parts = parts.flatMap((part, index) =>
        index % 2 === 1
          ? [part]
          : part.split(secret).flatMap((plain, nth) => (nth === 0 ? [plain] : [seal, plain])),
      );
    }
    return parts.join("");
  }

  #sealedNumber(value: number): number | string {
    const place = this.#texts.indexOf(String(value));
    return place === -1 ? value : named("number", place);
  }
}

/** What people are shown of a sealed value. */
export function withoutSeals(json: string): string {
  return json.replaceAll(seals, maskedText);
}

function named(kind: "text" | "number", place: number): string {
  return `${edge}${kind} ${place}${edge}`;
}

function changeStrings(json: string, change: Change): string {
  return JSON.stringify(changed(JSON.parse(json), change));
}

type Change = (value: string | number) => string | number;

/** Names of members too: a secret may be one. */
function changed(value: unknown, change: Change): unknown {
  if (typeof value === "string" || typeof value === "number") return change(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((entry) => changed(entry, change));
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [change(name), changed(entry, change)]),
  );
}
