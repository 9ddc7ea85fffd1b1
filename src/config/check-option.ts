/**
 * Checks one option's value and words what is wrong with it: what it is, what was expected and
 * which known name may have been meant. Where the value came from is `load-config`'s concern.
 */

import { closestName } from "../core/closest-name.ts";
import { showValue } from "../core/show-value.ts";
import { type OptionIssue, optionChecks, type Verdict } from "./option-checks.ts";
import { type OptionName, optionSpec } from "./schema.ts";

export type Checked<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly faults: readonly OptionFault[] };

export interface OptionFault {
  /** The option's name, with the path inside its value: "defaults.retry.factor". */
  readonly option: string;
  readonly reason: string;
  readonly fix: string | null;
}

export type CheckedOptions = {
  readonly [Name in OptionName]: Extract<
    ReturnType<(typeof optionChecks)[Name]>,
    { readonly ok: true }
  >["value"];
};

/** Returns the value in its resolved form (durations in milliseconds), or every fault in it. */
export function checkOption<Name extends OptionName>(
  name: Name,
  value: unknown,
): Checked<CheckedOptions[Name]> {
  const verdict = verdictOn(name, value);
  if (typeof verdict === "string") {
    return { ok: false, faults: [{ option: name, reason: verdict, fix: null }] };
  }
  if (!verdict.ok) {
    return { ok: false, faults: verdict.issues.map((one) => fault(name, value, one)) };
  }
  // why: TypeScript doesn't follow the index through the call
  return { ok: true, value: verdict.value as CheckedOptions[Name] };
}

/** A config file's value may be anything, a getter that throws too. */
function verdictOn(name: OptionName, value: unknown): Verdict<unknown> | string {
  try {
    return optionChecks[name](value);
  } catch (error) {
    return `it can't be read (${error instanceof Error ? error.message : showValue(error)})`;
  }
}

function fault(name: OptionName, whole: unknown, issue: OptionIssue): OptionFault {
  const option = [name, ...issue.path].join(".");
  const isShown = issue.isWhole !== true && optionSpec(name).secret !== true;
  const found = isShown ? `got ${showValue(valueAt(whole, issue.path), 60)}, ` : "";
  return { option, reason: `${found}${issue.message}`, fix: null };
}

/** Says of a name that is in no table that it is unknown, and which one may have been meant. */
export function unknownKey(option: string, key: string, known: readonly string[]): OptionFault {
  const meant = closestName(key, known);
  const fix = meant === null ? `Known are: ${known.join(", ")}.` : `Did you mean ${meant}?`;
  return { option, reason: "unknown option", fix };
}

function valueAt(whole: unknown, path: readonly PropertyKey[]): unknown {
  let value = whole;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}
