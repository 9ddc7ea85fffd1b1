/** Failed jobs grouped by what made them fail; a whole group is retried at once. */

import { useState } from "preact/hooks";
import type { ListAnswer } from "../api/api-client.ts";
import type { ApiError } from "../api/api-error.ts";
import type { ErrorGroupRecord } from "../api/records.ts";
import { useApp, useMay } from "../app-context.ts";
import { formatCount, formatJobs } from "../controls/format.ts";
import { Moment } from "../controls/moment.tsx";
import { Loaded, Notice } from "../controls/notice.tsx";
import { BulkDialog } from "../jobs/bulk-dialog.tsx";
import { useListCursor } from "../keyboard/use-list-cursor.ts";
import { type Resource, useResource } from "../live/use-resource.ts";
import { goTo } from "../routing/go-to.ts";
import { href } from "../routing/route.ts";
import { mergeGroups } from "./merge-groups.ts";

export function ErrorsScreen() {
  const [chosen, setChosen] = useState<ErrorGroupRecord | null>(null);
  const errors = useErrorGroups();
  const groups = errors.data ?? [];
  const by = (id: string) => groups.find(({ fingerprint }) => fingerprint === id);
  const mayOperate = useMay("operate");
  const cursor = useListCursor(
    groups.map(({ fingerprint }) => fingerprint),
    {
      Enter: (id) => {
        goTo(href("job", by(id)?.example_id ?? ""));
      },
      ...(mayOperate ? { r: (id: string) => setChosen(by(id) ?? null) } : {}),
    },
  );
  return (
    <section class="screen" aria-labelledby="title">
      <header class="screen-head">
        <h1 id="title">Errors</h1>
      </header>
      <Loaded resource={errors}>
        {(rows) =>
          rows.length === 0 ? (
            <Notice title="No job has failed.">
              <p>Jobs that used up their attempts would stand here, grouped by their error.</p>
            </Notice>
          ) : (
            <>
              <ul class="cards">
                {rows.map((group) => (
                  <li key={group.fingerprint} class="card" {...cursor.rowProps(group.fingerprint)}>
                    <GroupView group={group} onRetry={() => setChosen(group)} />
                  </li>
                ))}
              </ul>
              {errors.searchedTo !== null && (
                <p class="end" role="status">
                  Counted back to <Moment at={errors.searchedTo} />.{" "}
                  <button type="button" onClick={errors.countOn}>
                    Count on
                  </button>
                </p>
              )}
            </>
          )
        }
      </Loaded>
      {chosen !== null && (
        <BulkDialog
          operation="retry"
          path={`errors/${encodeURIComponent(chosen.fingerprint)}/retry`}
          body={{}}
          which={`all of ${chosen.task_type} with this error`}
          onClose={() => setChosen(null)}
          onDone={errors.reload}
        />
      )}
    </section>
  );
}

interface ErrorGroups extends Resource<ErrorGroupRecord[]> {
  /** Null: all failures have been counted. */
  readonly searchedTo: string | null;
  readonly countOn: () => void;
}

/** The newest failures, asked for again and again, and older ones that were counted on demand. */
function useErrorGroups(): ErrorGroups {
  const { api, tell } = useApp();
  const [older, setOlder] = useState<readonly ListAnswer<ErrorGroupRecord>[]>([]);
  const newest = useResource("errors", () => api.list<ErrorGroupRecord>("errors"), {
    on: (change) =>
      change.kind === "missed" || (change.kind === "job" && change.status !== "completed"),
    spacingMs: 3_000,
  });
  const last = older.at(-1) ?? newest.data;
  return {
    data:
      newest.data === null ? null : mergeGroups([newest.data, ...older].map(({ rows }) => rows)),
    error: newest.error,
    reload: () => {
      setOlder([]);
      newest.reload();
    },
    searchedTo: last?.searchedTo ?? null,
    countOn: () => {
      api.list<ErrorGroupRecord>("errors", { cursor: last?.nextCursor }).then(
        (page) => setOlder((pages) => [...pages, page]),
        (error: ApiError) => tell(error.message, "failed"),
      );
    },
  };
}

function GroupView({ group, onRetry }: { group: ErrorGroupRecord; onRetry: () => void }) {
  const { task_type: task, error_name: name, error_message: message, frame, count } = group;
  const mayOperate = useMay("operate");
  return (
    <>
      <header class="card-head">
        <div class="error-head">
          <h2>
            <span class="bad">{name ?? "Error"}</span> in <a href={href("task", task)}>{task}</a>
          </h2>
          <p class="error-message">{message}</p>
          {frame !== null && (
            <p class="faint small-text">
              <code>{frame}</code>
            </p>
          )}
        </div>
        <p class="error-count">
          <strong>{formatCount(count)}</strong>
          <span class="faint small-text">{formatJobs(count).replace(/^\S+ /, "")}</span>
        </p>
      </header>
      <footer class="card-foot">
        <span class="faint">
          first <Moment at={group.first_seen} />, last <Moment at={group.last_seen} />
        </span>
        <span class="actions">
          <a class="button" href={href("job", group.example_id)}>
            The newest
          </a>
          <a
            class="button"
            href={href("jobs", "", { status: "failed", fingerprint: group.fingerprint })}
          >
            All of them
          </a>
          {mayOperate && (
            <button type="button" class="primary" onClick={onRetry}>
              Retry all… <kbd>r</kbd>
            </button>
          )}
        </span>
      </footer>
    </>
  );
}
