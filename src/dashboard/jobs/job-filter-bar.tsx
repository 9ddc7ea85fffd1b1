/** Chooses which jobs are listed: state, task, time, and a search field for the rest. */

import { useEffect, useRef, useState } from "preact/hooks";
import { jobStatuses } from "../api/job-status.ts";
import { useKeys } from "../keyboard/use-keys.ts";
import { goTo } from "../routing/go-to.ts";
import { href } from "../routing/route.ts";
import { idIn, type JobQuery, searchText, withSearch } from "./job-query.ts";

export interface JobFilterBarProps {
  readonly query: JobQuery;
  readonly tasks: readonly string[];
  readonly onChange: (query: JobQuery) => void;
}

export function JobFilterBar({ query, tasks, onChange }: JobFilterBarProps) {
  return (
    <search class="filter-bar">
      <SearchField {...{ query, tasks, onChange }} />
      <div class="filter-choices">
        <label>
          <span class="label">State</span>
          <select
            value={query.status}
            onChange={({ currentTarget }) => onChange({ ...query, status: currentTarget.value })}
          >
            <option value="">any</option>
            {jobStatuses.map((status) => (
              <option key={status} value={status}>
                {status}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span class="label">Task</span>
          <select
            value={query.task}
            onChange={({ currentTarget }) => onChange({ ...query, task: currentTarget.value })}
          >
            <option value="">any</option>
            {withChosen(tasks, query.task).map((task) => (
              <option key={task} value={task}>
                {task}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span class="label">Since</span>
          <select
            value={query.since}
            onChange={({ currentTarget }) => onChange({ ...query, since: currentTarget.value })}
          >
            {withChosen(["", "1h", "24h", "7d"], query.since).map((since) => (
              <option key={since} value={since}>
                {since === "" ? "any time" : since.replace(/^(\d+)([hd])$/, "$1 $2")}
              </option>
            ))}
          </select>
        </label>
      </div>
    </search>
  );
}

function SearchField({ query, tasks, onChange }: JobFilterBarProps) {
  const field = useRef<HTMLInputElement>(null);
  const said = searchText(query);
  const [typed, setTyped] = useState(said);
  const [unknown, setUnknown] = useState<readonly string[]>([]);
  useEffect(() => setTyped(said), [said]);
  useKeys({ "/": () => field.current?.select() });
  return (
    <form
      class="search-field"
      onSubmit={(event) => {
        event.preventDefault();
        const id = idIn(typed);
        if (id !== null) {
          goTo(href("job", id));
          return;
        }
        const search = withSearch(query, typed, tasks);
        setUnknown(search.unknown);
        if (search.unknown.length > 0) return;
        field.current?.blur();
        setTyped(searchText(search.query));
        onChange(search.query);
      }}
    >
      <input
        ref={field}
        type="search"
        aria-label="Search jobs"
        placeholder="id, task, user.id=7, queue:mail, correlation:…"
        title="A job's id, a task, path=value in the payload, queue:, correlation: or error:"
        aria-invalid={unknown.length > 0}
        value={typed}
        onInput={({ currentTarget }) => {
          setTyped(currentTarget.value);
          setUnknown([]);
          if (currentTarget.value === "") onChange(withSearch(query, "").query);
        }}
      />
      <kbd>/</kbd>
      {unknown.length > 0 && (
        <p class="issue" role="alert">
          No task has {unknown.join(", ")} in its name. A value in the payload is searched for as{" "}
          <code>path=value</code>, a queue as <code>queue:name</code>.
        </p>
      )}
    </form>
  );
}

function withChosen(choices: readonly string[], chosen: string): readonly string[] {
  return chosen === "" || choices.includes(chosen) ? choices : [...choices, chosen];
}
