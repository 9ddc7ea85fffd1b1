/** The durable steps of a job: done, undone, or not undone though that was tried. */

import type { StepRecord } from "../api/records.ts";
import { formatMs, momentMs } from "../controls/format.ts";
import { JsonView } from "../controls/json-view.tsx";

const words = {
  done: "done",
  compensated: "done, then undone",
  uncompensated: "could not be undone",
};

export function StepList({ steps }: { steps: readonly StepRecord[] }) {
  return (
    <ol class="steps">
      {steps.map((step) => {
        const tookMs = (momentMs(step.finished_at) ?? 0) - (momentMs(step.started_at) ?? 0);
        return (
          <li key={step.name} class={`step-${step.state}`}>
            <details>
              <summary>
                <strong>{step.name}</strong> <span>{words[step.state]}</span>{" "}
                <span class="faint small-text">
                  attempt {step.attempt} · {formatMs(tookMs)}
                  {step.compensable && step.state === "done" ? " · can be undone" : ""}
                </span>
              </summary>
              {step.error !== null && <p class="row-error">{step.error}</p>}
              <JsonView value={step.result} label={`the result of ${step.name}`} />
            </details>
          </li>
        );
      })}
    </ol>
  );
}
