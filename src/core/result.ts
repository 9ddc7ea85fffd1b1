/**
 * Results as values: `ok(output)` and `err(error)` in neverthrow's style. A handler that returns
 * an Err has failed with its error; one that returns an Ok has its value as the output.
 */

export interface Ok<T> {
  readonly value: T;
  isOk(): true;
  isErr(): false;
}

export interface Err<E> {
  readonly error: E;
  isOk(): false;
  isErr(): true;
}

export type Result<T, E> = Ok<T> | Err<E>;

/** A result that is the output `value`. */
export function ok<T>(value: T): Ok<T> {
  return { value, isOk: () => true, isErr: () => false };
}

/** A result that counts as if `error` had been thrown. */
export function err<E>(error: E): Err<E> {
  return { error, isOk: () => false, isErr: () => true };
}

/**
 * The output that a returned value stands for: what an Ok holds, else the value itself.
 * Only objects with both methods `isOk` and `isErr` are taken for results (ours, neverthrow's,
 * ts-results-like ones), so that no plain output is mistaken: JSON has no methods.
 *
 * @throws the error that an Err holds
 */
export function unwrapResult(returned: unknown): unknown {
  if (typeof returned !== "object" || returned === null) return returned;
  if (!("isErr" in returned) || typeof returned.isErr !== "function") return returned;
  if (!("isOk" in returned) || typeof returned.isOk !== "function") return returned;
  if (returned.isErr()) throw "error" in returned ? returned.error : returned;
  return "value" in returned ? returned.value : null;
}
