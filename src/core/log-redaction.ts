/**
 * What the config's `redact` says: paths in pino's syntax, and names of fields that are masked
 * wherever they turn up. Owns how the two are told apart.
 */

import { SecretKeys } from "./secret-keys.ts";

export interface LogRedaction {
  /** For pino. */
  readonly paths: string[];
  readonly keys: SecretKeys;
}

/** `user.name`, `*.name` and `a["b"]` are paths, `ssn` and `!cookie` names. */
export function logRedaction(redact: readonly string[]): LogRedaction {
  const isPath = (entry: string): boolean => /[.[*]/.test(entry);
  return {
    paths: redact.filter(isPath),
    keys: new SecretKeys(redact.filter((entry) => !isPath(entry))),
  };
}
