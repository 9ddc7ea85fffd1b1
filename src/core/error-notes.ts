/** What is known of errors beyond what they say themselves, without a mark on them. */

export class ErrorNotes<Note> {
  readonly #notes = new WeakMap<object, Note>();

  /** Of a thrown value that is no object nothing can be kept. */
  add(error: unknown, note: Note): void {
    if (isObject(error)) this.#notes.set(error, note);
  }

  /** Null for errors of which nothing is known. */
  of(error: unknown): Note | null {
    return isObject(error) ? (this.#notes.get(error) ?? null) : null;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
