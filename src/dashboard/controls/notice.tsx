/** What stands in the place of something that isn't there: nothing yet, a fault, still loading. */

import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/api-error.ts";
import type { Resource } from "../live/use-resource.ts";

export function Notice({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="notice">
      <p class="notice-title">{title}</p>
      {children}
    </div>
  );
}

export function Fault({ error, reload }: { error: ApiError; reload?: () => void }) {
  if (error.isUnknownCall) {
    return (
      <Notice title="This server doesn't tell this yet.">
        <p>The process that serves this page runs an older taskrun than the page itself.</p>
      </Notice>
    );
  }
  return (
    <div class="fault" role="alert">
      <p>{error.message}</p>
      {error.nextStep && <p class="faint">{error.nextStep}</p>}
      {reload && (
        <button type="button" onClick={reload}>
          Ask again
        </button>
      )}
    </div>
  );
}

export interface LoadedProps<Data> {
  readonly resource: Resource<Data>;
  readonly children: (data: Data) => ComponentChildren;
}

/** Shows what has come; says why when nothing has, and that it is old when asking again failed. */
export function Loaded<Data>({ resource, children }: LoadedProps<Data>) {
  const { data, error, reload } = resource;
  if (data === null) {
    return error === null ? <p class="loading">Loading…</p> : <Fault {...{ error, reload }} />;
  }
  return (
    <>
      {error && (
        <p class="stale" role="status">
          This may be old: {error.message}
        </p>
      )}
      {children(data)}
    </>
  );
}
