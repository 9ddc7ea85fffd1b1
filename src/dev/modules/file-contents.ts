/**
 * What each file held when it was last looked at: tells a change from a save of the same.
 * Owns the comparison; refuses to watch.
 */

import { hash } from "node:crypto";
import { readFileSync } from "node:fs";

export class FileContents {
  readonly #hashes = new Map<string, string | null>();

  /** Reads a file and remembers what it holds. Throws as `readFileSync` does. */
  read(file: string): string {
    try {
      const text = readFileSync(file, "utf8");
      this.#hashes.set(file, hashOf(text));
      return text;
    } catch (error) {
      this.#hashes.set(file, null);
      throw error;
    }
  }

  /** Remembers what `file` holds, if it was never looked at. */
  notice(file: string): void {
    if (!this.#hashes.has(file)) this.#hashes.set(file, currentHash(file));
  }

  /** Whether `file` holds something else than when it was looked at; remembers what it is now. */
  changed(file: string): boolean {
    const before = this.#hashes.get(file) ?? null;
    const now = currentHash(file);
    this.#hashes.set(file, now);
    return before !== now;
  }

  /** The same without remembering. */
  differs(file: string): boolean {
    return this.#hashes.has(file) && this.#hashes.get(file) !== currentHash(file);
  }

  isKnown(file: string): boolean {
    return this.#hashes.has(file);
  }

  /** Whether there was such a file, with text in it. */
  hadText(file: string): boolean {
    const before = this.#hashes.get(file) ?? null;
    return before !== null && before !== emptyHash;
  }

  forget(file: string): void {
    this.#hashes.delete(file);
  }

  files(): IterableIterator<string> {
    return this.#hashes.keys();
  }
}

const emptyHash = hashOf("");

function currentHash(file: string): string | null {
  try {
    return hashOf(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

function hashOf(text: string): string {
  return hash("sha1", text, "base64");
}
