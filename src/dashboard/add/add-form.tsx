/** The form itself: payload, options, sending it, and what the server had against it. */

import { useState } from "preact/hooks";
import { ApiError, type ApiIssue } from "../api/api-error.ts";
import type { CatalogRecord, CreatedRecord, JobDetails } from "../api/records.ts";
import { useApp } from "../app-context.ts";
import { goTo } from "../routing/go-to.ts";
import { href } from "../routing/route.ts";
import { isSchema, type JsonSchema } from "../schema-form/form-field.ts";
import {
  finishedValue,
  parsedPath,
  startValue,
  unparsedIn,
  withoutMasks,
} from "../schema-form/form-value.ts";
import { PayloadForm } from "../schema-form/payload-form.tsx";
import type { PlacedIssue } from "../schema-form/schema-field.tsx";
import { type JobOptions, noOptions, optionsBody } from "./job-options.ts";
import { OptionFields } from "./option-fields.tsx";

export interface AddFormProps {
  readonly task: string;
  readonly entry: CatalogRecord | null;
  readonly similar: JobDetails | null;
}

export function AddForm({ task, entry, similar }: AddFormProps) {
  const { api, tell } = useApp();
  const schema = schemaOf(entry);
  const [payload, setPayload] = useState<unknown>(() => startPayload(schema, similar));
  const [options, setOptions] = useState<JobOptions>(noOptions);
  const [issues, setIssues] = useState<readonly PlacedIssue[]>([]);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [isSending, setSending] = useState(false);
  const send = async (): Promise<void> => {
    const unreadable = unparsedIn(payload, ["payload"]);
    setIssues(unreadable.map(({ path, problem: message }) => ({ path, message })));
    setProblem(null);
    if (unreadable.length > 0) return;
    setSending(true);
    try {
      const body = optionsBody(options);
      const finished = schema === null ? payload : finishedValue(payload, schema, schema);
      const sent = { task_type: task, payload: finished ?? {}, ...body };
      const { id } = await api.post<CreatedRecord>("tasks", sent);
      tell(`Job ${id} is added.`);
      goTo(href("job", id));
    } catch (error) {
      const refusal = error instanceof ApiError ? error : null;
      setProblem(refusal);
      setIssues((refusal?.issues ?? []).map(placed));
      setSending(false);
      requestAnimationFrame(() =>
        document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(),
      );
    }
  };
  return (
    <form
      noValidate
      class="add-form"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {entry?.description && <p>{entry.description}</p>}
      {schema === null && (
        <p class="hint">This task says nothing of its payload: write it as JSON.</p>
      )}
      <PayloadForm schema={schema} value={payload} issues={issues} onChange={setPayload} />
      <OptionFields options={options} issues={issues} onChange={setOptions} />
      {problem !== null && (
        <div class="fault" role="alert">
          <p>{problem.message}</p>
          {problem.nextStep && <p class="faint">{problem.nextStep}</p>}
        </div>
      )}
      <footer class="form-foot">
        <button type="submit" class="primary" disabled={isSending}>
          Add the job
        </button>
      </footer>
    </form>
  );
}

function schemaOf(entry: CatalogRecord | null): JsonSchema | null {
  return isSchema(entry?.payload_schema) ? entry.payload_schema : null;
}

function startPayload(schema: JsonSchema | null, similar: JobDetails | null): unknown {
  if (similar !== null) return withoutMasks(similar.payload);
  return schema === null ? undefined : startValue(schema, schema, true);
}

function placed({ path, message }: ApiIssue): PlacedIssue {
  return { path: parsedPath(path), message };
}
