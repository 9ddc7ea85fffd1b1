/** The list of jobs: filter, look, select, and change many at once. */

import { useState } from "preact/hooks";
import type { CatalogRecord } from "../api/records.ts";
import { useApp, useMay } from "../app-context.ts";
import { formatCount } from "../controls/format.ts";
import { Moment } from "../controls/moment.tsx";
import { Fault, Notice } from "../controls/notice.tsx";
import { CancelDialog } from "../job/cancel-dialog.tsx";
import { useJobActions } from "../job/use-job-actions.ts";
import { useKeys } from "../keyboard/use-keys.ts";
import { type ListCursor, useListCursor } from "../keyboard/use-list-cursor.ts";
import { useResource } from "../live/use-resource.ts";
import { goTo } from "../routing/go-to.ts";
import { href } from "../routing/route.ts";
import { BulkDialog, type BulkOperation } from "./bulk-dialog.tsx";
import { bulkRequest } from "./bulk-request.ts";
import { JobFilterBar } from "./job-filter-bar.tsx";
import { isUnfiltered, type JobQuery, paramsFromQuery, queryFromParams } from "./job-query.ts";
import { JobTable } from "./job-table.tsx";
import { type HeldJobs, useHeldJobs } from "./use-held-jobs.ts";

type Selection = ReadonlySet<string>;

export function JobsScreen({ params }: { params: URLSearchParams }) {
  const { api } = useApp();
  const query = queryFromParams(params);
  const jobs = useHeldJobs(query);
  const [selected, setSelected] = useState<Selection>(new Set());
  const [bulk, setBulk] = useState<BulkOperation | null>(null);
  const [cancelled, setCancelled] = useState<string | null>(null);
  const { cancel, retry } = useJobActions(jobs.reload);
  const catalog = useResource("catalog", () => api.get<CatalogRecord[]>("catalog"), {
    everyMs: 60_000,
    whileLiveMs: 60_000,
  });
  const tasks = (catalog.data ?? []).filter((one) => one.alias_of === null);
  const change = (next: JobQuery): void => {
    setSelected(new Set());
    goTo(href("jobs", "", paramsFromQuery(next)));
  };
  const cursor = useJobsKeys({ jobs, selected, setSelected, setBulk, retry, setCancelled });
  const { list, error, reload } = jobs;
  return (
    <section class="screen" aria-labelledby="title">
      <header class="screen-head">
        <h1 id="title">Jobs</h1>
        <NewButton jobs={jobs} />
      </header>
      <JobFilterBar query={query} tasks={tasks.map((one) => one.task_type)} onChange={change} />
      <BulkBar selected={selected} onChoose={setBulk} />
      {list === null && error === null && <p class="loading">Loading…</p>}
      {error !== null && <Fault error={error} reload={reload} />}
      {list !== null && list.rows.length > 0 && (
        <JobTable
          jobs={list.rows}
          left={list.left}
          onSelect={setSelected}
          {...{ cursor, selected }}
        />
      )}
      {list !== null && list.rows.length === 0 && list.nextCursor === null ? (
        <NoJobs query={query} onChange={change} />
      ) : (
        list !== null && <MoreButton jobs={jobs} />
      )}
      {cancelled !== null && (
        <CancelDialog
          id={cancelled}
          onCancel={(reason) => cancel(cancelled, reason)}
          onClose={() => setCancelled(null)}
        />
      )}
      {bulk !== null && (
        <BulkDialog
          operation={bulk}
          path="tasks/bulk"
          {...bulkRequest(bulk, query, selected)}
          onClose={() => setBulk(null)}
          onDone={() => {
            setSelected(new Set());
            jobs.showNew();
          }}
        />
      )}
    </section>
  );
}

interface KeysOf {
  readonly jobs: HeldJobs;
  readonly selected: Selection;
  readonly setSelected: (selected: Selection) => void;
  readonly setBulk: (bulk: BulkOperation) => void;
  readonly retry: (id: string) => void;
  readonly setCancelled: (id: string) => void;
}

function useJobsKeys(of: KeysOf): ListCursor {
  const { jobs, selected, setSelected, setBulk, retry, setCancelled } = of;
  const may = useMay("operate");
  useKeys({
    n: jobs.showNew,
    ...(may ? { R: () => setBulk("retry"), C: () => setBulk("cancel") } : {}),
  });
  return useListCursor(jobs.list?.rows.map(({ id }) => id) ?? [], {
    x: (id) => {
      const ids = new Set(selected);
      if (!ids.delete(id)) ids.add(id);
      setSelected(ids);
    },
    Enter: (id) => {
      goTo(href("job", id));
    },
    ...(may ? { r: retry, c: setCancelled } : {}),
  });
}

function NewButton({ jobs }: { jobs: HeldJobs }) {
  const { list } = jobs;
  const count = list?.waiting.length ?? 0;
  const isMore = list !== null && count > 0 && count >= 50;
  return (
    <div role="status">
      {count > 0 && (
        <button type="button" class="primary new-button" onClick={jobs.showNew}>
          {formatCount(count)}
          {isMore ? "+" : ""} new <kbd>n</kbd>
        </button>
      )}
    </div>
  );
}

function BulkBar(props: { selected: Selection; onChoose: (bulk: BulkOperation) => void }) {
  const { selected, onChoose } = props;
  if (!useMay("operate")) return null;
  const which = selected.size === 0 ? "all that match" : `${selected.size} selected`;
  return (
    <div class="bulk-bar">
      <span class="faint">With {which}:</span>
      <button type="button" onClick={() => onChoose("retry")}>
        Retry…
      </button>
      <button type="button" onClick={() => onChoose("run_now")}>
        Run now…
      </button>
      <button type="button" onClick={() => onChoose("cancel")}>
        Cancel…
      </button>
    </div>
  );
}

function NoJobs({ query, onChange }: { query: JobQuery; onChange: (query: JobQuery) => void }) {
  if (isUnfiltered(query)) {
    return (
      <Notice title="There are no jobs.">
        <p>
          Add one from <a href={href("tasks")}>a task</a>, by SQL, from your application or with{" "}
          <code>taskrun add</code>: it appears here at once.
        </p>
      </Notice>
    );
  }
  return (
    <Notice title="No job matches.">
      <p>Finished jobs are kept as long as their task says.</p>
      <button type="button" onClick={() => onChange(queryFromParams(new URLSearchParams()))}>
        Show all jobs
      </button>
    </Notice>
  );
}

function MoreButton({ jobs }: { jobs: HeldJobs }) {
  const { nextCursor, searchedTo } = jobs.list ?? { nextCursor: null, searchedTo: null };
  if (nextCursor === null) return <p class="end">That is all.</p>;
  if (searchedTo === null) {
    return (
      <button type="button" class="more" onClick={jobs.showMore}>
        Older ones
      </button>
    );
  }
  return (
    <p class="end" role="status">
      Searched back to <Moment at={searchedTo} />.{" "}
      <button type="button" onClick={jobs.showMore}>
        Search on
      </button>
    </p>
  );
}
