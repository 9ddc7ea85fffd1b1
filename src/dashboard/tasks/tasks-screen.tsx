/** All tasks: which run, fail or are held back; files that can't be loaded come first. */

import { useRef, useState } from "preact/hooks";
import { formatMs, formatShortCount } from "../controls/format.ts";
import { Loaded, Notice } from "../controls/notice.tsx";
import { useKeys } from "../keyboard/use-keys.ts";
import { useListCursor } from "../keyboard/use-list-cursor.ts";
import { goTo } from "../routing/go-to.ts";
import { href } from "../routing/route.ts";
import { LoadFailures } from "./load-failures.tsx";
import { TaskMarks } from "./task-marks.tsx";
import type { TaskRow } from "./task-rows.ts";
import { useTasks } from "./use-tasks.ts";

export function TasksScreen() {
  const tasks = useTasks();
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState("");
  const matching = (rows: readonly TaskRow[]): readonly TaskRow[] =>
    rows.filter(({ name, aliases }) =>
      [name, ...aliases].some((one) => one.toLowerCase().includes(typed.trim().toLowerCase())),
    );
  const shown = matching(tasks.data ?? []);
  const cursor = useListCursor(
    shown.map(({ name }) => name),
    {
      Enter: (name) => {
        goTo(href("task", name));
      },
      a: (name) => {
        goTo(href("add", name));
      },
    },
  );
  useKeys({ "/": () => field.current?.select() });
  return (
    <section class="screen" aria-labelledby="title">
      <header class="screen-head">
        <h1 id="title">Tasks</h1>
        <search class="search-field">
          <input
            ref={field}
            type="search"
            aria-label="Find a task"
            placeholder="name"
            value={typed}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
            onKeyDown={(event) => {
              const [first] = shown;
              if (event.key === "Enter" && first) goTo(href("task", first.name));
            }}
          />
          <kbd>/</kbd>
        </search>
      </header>
      <LoadFailures />
      <Loaded resource={tasks}>
        {(rows) =>
          rows.length === 0 ? (
            <NoTasks />
          ) : (
            <table class="rows task-rows">
              <thead>
                <tr>
                  <th scope="col">Task</th>
                  <th scope="col" class="number">
                    Waiting
                  </th>
                  <th scope="col" class="number">
                    Running
                  </th>
                  <th scope="col" class="number">
                    Completed, 1 h
                  </th>
                  <th scope="col" class="number">
                    Failed
                  </th>
                  <th scope="col" class="number">
                    Runs for, p95
                  </th>
                  <th scope="col">
                    <span class="visually-hidden">Add</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {matching(rows).map((row) => (
                  <tr key={row.name} {...cursor.rowProps(row.name)}>
                    <TaskCells row={row} />
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
    </section>
  );
}

function TaskCells({ row }: { row: TaskRow }) {
  const { name, entry, aliases, stats } = row;
  const waiting = (stats?.pending ?? 0) + (stats?.retrying ?? 0) + (stats?.scheduled ?? 0);
  const failed = stats?.failed ?? 0;
  return (
    <>
      <td class="cell-name">
        <a href={href("task", name)} class="task-name">
          {name}
        </a>{" "}
        <TaskMarks row={row} />
        {entry.description && <span class="faint small-text">{entry.description}</span>}
        {aliases.length > 0 && <span class="faint small-text">also {aliases.join(", ")}</span>}
      </td>
      <td class="number" data-label="waiting">
        {formatShortCount(waiting)}
      </td>
      <td class="number" data-label="running">
        {formatShortCount(stats?.running ?? 0)}
      </td>
      <td class="number" data-label="completed">
        {formatShortCount(stats?.completed ?? 0)}
      </td>
      <td class="number" data-label="failed">
        {failed === 0 ? (
          "0"
        ) : (
          <a class="bad" href={href("jobs", "", { task: name, status: "failed" })}>
            {formatShortCount(failed)}
          </a>
        )}
      </td>
      <td class="number" data-label="p95">
        {formatMs(stats?.run_ms.p95)}
      </td>
      <td class="cell-add">
        <a class="button small" href={href("add", name)} aria-label={`Add a job: ${name}`}>
          Add
        </a>
      </td>
    </>
  );
}

function NoTasks() {
  return (
    <Notice title="No process has told of its tasks yet.">
      <p>
        Start one with <code>npx taskrun</code> beside a folder <code>tasks/</code>.
      </p>
    </Notice>
  );
}
