/** Adds a job: a form made of the task's schema, perhaps filled with another job's payload. */

import type { CatalogRecord, JobDetails } from "../api/records.ts";
import { useApp, useMay } from "../app-context.ts";
import { Loaded, Notice } from "../controls/notice.tsx";
import { useResource } from "../live/use-resource.ts";
import { href } from "../routing/route.ts";
import { AddForm } from "./add-form.tsx";

export function AddScreen({ task, like }: { task: string; like: string | null }) {
  const { api } = useApp();
  const mayAdd = useMay("enqueue");
  const start = useResource(
    `${task} ${like}`,
    async () => {
      const catalog = await api.get<CatalogRecord[]>("catalog");
      const similar = like === null ? null : await api.get<JobDetails>(`tasks/${like}`);
      return { entry: catalog.find((one) => one.task_type === task) ?? null, similar };
    },
    { everyMs: 3_600_000, whileLiveMs: 3_600_000 },
  );
  return (
    <section class="screen narrow" aria-labelledby="title">
      <header class="screen-head">
        <div>
          <p class="crumbs">
            <a href={href("tasks")}>Tasks</a> / <a href={href("task", task)}>{task}</a>
          </p>
          <h1 id="title">Add a job</h1>
        </div>
      </header>
      {like !== null && (
        <p class="faint">
          With the payload of <a href={href("job", like)}>job {like}</a>.
        </p>
      )}
      {!mayAdd ? (
        <Notice title="Your token may not add jobs.">
          <p>It needs the scope enqueue.</p>
        </Notice>
      ) : (
        <Loaded resource={start}>
          {({ entry, similar }) => (
            <AddForm key={`${task} ${like}`} task={task} {...{ entry, similar }} />
          )}
        </Loaded>
      )}
    </section>
  );
}
