/**
 * The failure of a batch: an array payload some of whose entries failed. Owns what the failures
 * say together in words; what they mean together is `core/classify`.
 */

import { toFailure } from "./failure.ts";

const mostShown = 10;

/** `errors` holds why each failed entry failed, in the payload's order. */
export class BatchError extends AggregateError {
  constructor(reasons: readonly unknown[], entryCount: number) {
    const shown = reasons.slice(0, mostShown).map((each) => toFailure(each, "default").message);
    const more = reasons.length > mostShown ? "; …" : "";
    super(
      reasons,
      `${reasons.length} of ${entryCount} entries of the batch failed: ${shown.join("; ")}${more}`,
    );
    this.name = "BatchError";
  }
}

/** Never throws, whatever it is given. */
export function isBatchError(thrown: unknown): thrown is BatchError {
  try {
    return thrown instanceof BatchError;
  } catch {
    return false;
  }
}
