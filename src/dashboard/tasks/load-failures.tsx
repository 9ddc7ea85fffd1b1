/** Files that should be tasks and can't be loaded, each with its place and the fix. */

import { useId } from "preact/hooks";
import type { LoadFailureRecord } from "../api/records.ts";
import { useApp } from "../app-context.ts";
import { useResource } from "../live/use-resource.ts";

export function LoadFailures() {
  const { api } = useApp();
  const titleId = useId();
  const failures = useResource(
    "load-failures",
    () => api.get<LoadFailureRecord[]>("load-failures"),
    { on: (change) => change.kind === "catalog", spacingMs: 200 },
  );
  const found = failures.data ?? [];
  if (found.length === 0) return null;
  return (
    <section class="card attention" aria-labelledby={titleId}>
      <h2 id={titleId}>
        {found.length === 1 ? "A file can't be loaded" : `${found.length} files can't be loaded`}
      </h2>
      {found.map((failure) => (
        <LoadFailureView key={`${failure.file} ${failure.line} ${failure.reason}`} {...failure} />
      ))}
    </section>
  );
}

function LoadFailureView({ file, line, column, reason, fix, frame }: LoadFailureRecord) {
  const place = [file, line, column].filter((part) => part !== null).join(":");
  return (
    <article class="load-failure">
      <h3>
        <code>{place}</code>
      </h3>
      <p>{reason}</p>
      {frame !== null && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
        <pre class="frame" tabIndex={0}>
          {frame}
        </pre>
      )}
      <p class="fix">{fix}</p>
    </article>
  );
}
