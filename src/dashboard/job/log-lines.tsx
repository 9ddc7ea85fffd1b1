/** The kept log lines of a job's attempts. */

import { useState } from "preact/hooks";
import type { LogRecord } from "../api/records.ts";
import { formatMoment } from "../controls/format.ts";

export function LogLines({ logs }: { logs: readonly LogRecord[] }) {
  const attempts = [...new Set(logs.map(({ attempt }) => attempt))];
  const [chosen, setChosen] = useState<number | null>(null);
  const shown = chosen === null ? logs : logs.filter(({ attempt }) => attempt === chosen);
  return (
    <>
      {attempts.length > 1 && (
        <label class="log-choice">
          <span class="label">Attempt</span>
          <select
            value={chosen ?? ""}
            onChange={({ currentTarget: { value } }) =>
              setChosen(value === "" ? null : Number(value))
            }
          >
            <option value="">all</option>
            {attempts.map((attempt) => (
              <option key={attempt} value={attempt}>
                {attempt}
              </option>
            ))}
          </select>
        </label>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <ol class="logs" tabIndex={0} aria-label="Log lines">
        {shown.map((line, index) => (
          <li key={index} class={`log-${line.level}`}>
            <time dateTime={line.logged_at} title={formatMoment(line.logged_at)}>
              {line.logged_at.slice(11, 23)}
            </time>{" "}
            <span class="log-level">{line.level}</span> <span class="log-text">{line.message}</span>
            {hasFields(line.fields) && <span class="faint"> {JSON.stringify(line.fields)}</span>}
          </li>
        ))}
      </ol>
    </>
  );
}

function hasFields(fields: unknown): boolean {
  return typeof fields === "object" && fields !== null && Object.keys(fields).length > 0;
}
