/**
 * Which jobs a bulk operation is for, in the words of the API: those that are selected, those that
 * match, or all.
 */

import type { ApiClient } from "../api/api-client.ts";
import type { JobRecord } from "../api/records.ts";
import { apiFilter, isUnfiltered, type JobQuery } from "./job-query.ts";

export interface BulkRequest {
  /** For people. */
  readonly which: string;
  readonly body: () => Promise<Readonly<Record<string, unknown>>>;
}

const pageSize = 500;
/** As many ids as the API takes at once. */
const mostIds = 10_000;

export function bulkRequest(
  api: Pick<ApiClient, "list">,
  operation: string,
  query: JobQuery,
  selected: ReadonlySet<string>,
): BulkRequest {
  if (selected.size > 0) {
    const which = selected.size === 1 ? "the selected job" : `the ${selected.size} selected jobs`;
    return { which, body: async () => ({ operation, filter: { ids: [...selected] } }) };
  }
  if (isUnfiltered(query)) {
    return { which: "all jobs", body: async () => ({ operation, all: true }) };
  }
  const filter = apiFilter(query, Date.now());
  if (query.payload.length === 0 && query.fingerprint === "") {
    return { which: "all that match", body: async () => ({ operation, filter }) };
  }
  // What a payload holds and what made a job fail is known to lists only.
  return {
    which: `all that match, ${mostIds.toLocaleString("en-US")} at most`,
    body: async () => ({ operation, filter: { ids: await listIds(api, filter) } }),
  };
}

async function listIds(api: Pick<ApiClient, "list">, filter: object): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page: { rows: readonly JobRecord[]; nextCursor: string | null } =
      await api.list<JobRecord>("tasks", { ...filter, limit: pageSize, cursor });
    ids.push(...page.rows.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== null && ids.length < mostIds);
  return ids.slice(0, mostIds);
}
