/** The fields for a job's own settings, folded away until they are wanted. */

import { samePath } from "../schema-form/form-value.ts";
import type { PlacedIssue } from "../schema-form/schema-field.tsx";
import { type JobOptions, optionNames } from "./job-options.ts";

export interface OptionFieldsProps {
  readonly options: JobOptions;
  readonly issues: readonly PlacedIssue[];
  readonly onChange: (options: JobOptions) => void;
}

const fields: readonly (readonly [keyof JobOptions, string, string, object])[] = [
  ["priority", "Priority", "critical, high, normal, low or a number; lower runs first", {}],
  ["scheduledAt", "Not before", "", { type: "datetime-local", step: "1" }],
  ["maxAttempts", "Attempts", "as the task says", { inputMode: "numeric" }],
  ["queue", "Queue", "jobs of one queue run one at a time", {}],
  ["key", "Key", "at most one waiting job per key", {}],
  ["correlationId", "Correlation id", "", {}],
  ["metadata", "Metadata", '{"tenant": 3}', {}],
];

export function OptionFields({ options, issues, onChange }: OptionFieldsProps) {
  const of = (name: keyof JobOptions) =>
    issues.filter(({ path }) => samePath(path, [optionNames[name]]));
  const hasIssue = fields.some(([name]) => of(name).length > 0);
  return (
    <details class="card options" open={hasIssue}>
      <summary>More options</summary>
      <div class="option-grid">
        {fields.map(([name, label, hint, attributes]) => {
          const own = of(name);
          return (
            <div key={name} class={own.length > 0 ? "field wrong" : "field"}>
              <label htmlFor={`option-${name}`}>
                <span class="label">{label}</span>
              </label>
              <input
                id={`option-${name}`}
                {...attributes}
                placeholder={hint}
                value={options[name]}
                aria-invalid={own.length > 0}
                onInput={({ currentTarget }) =>
                  onChange({ ...options, [name]: currentTarget.value })
                }
              />
              {own.length > 0 && (
                <p class="issue" role="alert">
                  {own.map(({ message }) => message).join("; ")}
                </p>
              )}
            </div>
          );
        })}
      </div>
    </details>
  );
}
