/** A payload, as a form that its task's schema makes or as JSON; one value behind both. */

import { useState } from "preact/hooks";
import { JsonInput } from "./field-inputs.tsx";
import { isSchema, type JsonSchema } from "./form-field.ts";
import { type Path, samePath } from "./form-value.ts";
import { type PlacedIssue, SchemaField } from "./schema-field.tsx";

export interface PayloadFormProps {
  /** Null when nothing is known of the payload. */
  readonly schema: JsonSchema | null;
  readonly value: unknown;
  readonly issues: readonly PlacedIssue[];
  readonly onChange: (value: unknown) => void;
}

const payloadPath: Path = ["payload"];

export function PayloadForm({ schema, value, issues, onChange }: PayloadFormProps) {
  const canBeForm = schema !== null && isFormable(schema);
  const [asJson, setAsJson] = useState(!canBeForm);
  return (
    <div class="payload-form">
      {canBeForm && (
        <fieldset class="tabs" aria-label="How to write the payload">
          {[false, true].map((json) => (
            <button
              key={String(json)}
              type="button"
              aria-pressed={asJson === json}
              onClick={() => setAsJson(json)}
            >
              {json ? "JSON" : "Form"}
            </button>
          ))}
        </fieldset>
      )}
      {asJson || schema === null ? (
        <AsJson value={value} issues={issues} onChange={onChange} />
      ) : (
        <SchemaField
          name="payload"
          schema={schema}
          root={schema}
          path={payloadPath}
          isRequired={true}
          {...{ value, issues, onChange }}
        />
      )}
    </div>
  );
}

function AsJson({ value, issues, onChange }: Omit<PayloadFormProps, "schema">) {
  const own = issues.filter(({ path }) => samePath(path.slice(0, 1), payloadPath));
  return (
    <div class={own.length > 0 ? "field wrong" : "field"}>
      <label htmlFor="payload-json">
        <span class="label">payload</span>
      </label>
      <JsonInput
        id="payload-json"
        isRequired={false}
        default={undefined}
        {...{ value, onChange }}
        {...(own.length > 0 ? { problemId: "payload-json-problem" } : {})}
      />
      {own.length > 0 && (
        <ul class="issue" role="alert" id="payload-json-problem">
          {own.map(({ path, message }) => (
            <li key={path.join(".")}>
              <code>{path.slice(1).join(".") || "payload"}</code>: {message}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Something stands in it that a form can ask for. */
function isFormable(schema: JsonSchema): boolean {
  return isSchema(schema) && Object.keys(schema).length > 0;
}
