/**
 * Makes a LoadFailure from what is known, with its code frame when there is a place.
 * Owns the defaults of its fields; refuses to find the place.
 */

import type { LoadFailure, LoadFailureCode } from "../core/catalog.ts";
import { maskAddresses } from "../core/line-masker.ts";
import { codeFrame } from "./code-frame.ts";
import type { Position } from "./source-location.ts";

export interface FailureFacts {
  readonly code: LoadFailureCode;
  readonly task: string | null;
  readonly file: string;
  readonly reason: string;
  readonly fix: string;
  /** The file's text; needed for a frame. */
  readonly source?: string | null;
  readonly place?: Position | null;
}

export function loadFailure(facts: FailureFacts): LoadFailure {
  const { code, task, file, reason, fix, source = null, place = null } = facts;
  return {
    code,
    task,
    file,
    line: place?.line ?? null,
    column: place?.column ?? null,
    // What a file threw may quote its environment, and this is shown in many places.
    reason: maskAddresses(reason),
    fix: maskAddresses(fix),
    frame: source === null || place === null ? null : maskAddresses(codeFrame(source, place)),
  };
}

export function isLoadFailure(value: object): value is LoadFailure {
  return "code" in value && "reason" in value && "fix" in value;
}
