/** The jobs of a query as a list that holds still, page by page, with what is new kept aside. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../api/api-error.ts";
import { jobStatuses } from "../api/job-status.ts";
import type { JobRecord } from "../api/records.ts";
import { useApp } from "../app-context.ts";
import { changed, extended, type HeldList, heldList, refreshed } from "../live/held-list.ts";
import type { Change } from "../live/live-feed.ts";
import { useResource } from "../live/use-resource.ts";
import { apiFilter, type JobQuery } from "./job-query.ts";

const pageSize = 50;

export interface HeldJobs {
  /** Null until the first answer. */
  readonly list: HeldList<JobRecord> | null;
  readonly error: ApiError | null;
  readonly reload: () => void;
  /** Shows what waits, and what the filter no longer matches no more. */
  readonly showNew: () => void;
  readonly showMore: () => void;
}

export function useHeldJobs(query: JobQuery): HeldJobs {
  const { api, feed, tell } = useApp();
  const key = JSON.stringify(query);
  const [held, setHeld] = useState<{ key: string; list: HeldList<JobRecord> } | null>(null);
  const current = held?.key === key ? held.list : null;
  const isRenewed = useRef(false);
  const page = (more: object) =>
    api.list<JobRecord>("tasks", { ...apiFilter(query, Date.now()), limit: pageSize, ...more });
  const resource = useResource(key, () => page({}), { on: isOfJobs });
  const update = (change: (list: HeldList<JobRecord>) => HeldList<JobRecord>): void =>
    setHeld((old) => (old?.key === key ? { key, list: change(old.list) } : old));

  useEffect(() => {
    const { data } = resource;
    if (data === null) return;
    setHeld((old) => {
      const isNew = old?.key !== key || isRenewed.current;
      isRenewed.current = false;
      return { key, list: isNew ? heldList(data) : refreshed(old.list, data) };
    });
  }, [resource.data, key]);
  useEffect(
    () =>
      feed.listen((change) => {
        const told = toldOf(change);
        if (told !== null) update((list) => changed(list, ...told));
      }),
    [feed, key],
  );
  return {
    list: current,
    error: resource.error,
    reload: resource.reload,
    showNew: () => {
      isRenewed.current = true;
      resource.reload();
    },
    showMore: () => {
      const cursor = current?.nextCursor;
      if (!cursor) return;
      page({ cursor }).then(
        (more) => update((list) => extended(list, more)),
        (error: ApiError) => tell(error.message, "failed"),
      );
    },
  };
}

function isOfJobs({ kind }: Change): boolean {
  return kind === "job" || kind === "missed";
}

function toldOf(change: Change): readonly [string, Partial<JobRecord>] | null {
  if (change.kind === "progress") return [change.id, { progress: change.progress }];
  if (change.kind !== "job") return null;
  const status = jobStatuses.find((one) => one === change.status);
  return status === undefined ? null : [change.id, { status }];
}
