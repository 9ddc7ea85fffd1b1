/**
 * Which jobs a bulk operation is for, in the words of the API: those that are selected, those that
 * match, or all. Pure.
 */

import { apiFilter, isUnfiltered, type JobQuery } from "./job-query.ts";

export interface BulkRequest {
  /** For people. */
  readonly which: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** As many as the API looks for at once by what is in them. */
const mostFound = 10_000;

export function bulkRequest(
  operation: string,
  query: JobQuery,
  selected: ReadonlySet<string>,
): BulkRequest {
  if (selected.size > 0) {
    const which = selected.size === 1 ? "the selected job" : `the ${selected.size} selected jobs`;
    return { which, body: { operation, filter: { ids: [...selected] } } };
  }
  if (isUnfiltered(query)) {
    return { which: "all jobs", body: { operation, all: true } };
  }
  // Never as the ids of what is listed: by its id a cancelled job is retried as well.
  const filter = apiFilter(query, Date.now());
  const isSearched = query.payload.length > 0 || query.fingerprint !== "";
  const most = isSearched ? `, ${mostFound.toLocaleString("en-US")} at most` : "";
  return { which: `all that match${most}`, body: { operation, filter } };
}
