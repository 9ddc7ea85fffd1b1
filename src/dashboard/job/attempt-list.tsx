/** The attempts that failed, each with its error, its stack and what followed from it. */

import type { AttemptRecord } from "../api/records.ts";
import { formatMs } from "../controls/format.ts";
import { Moment } from "../controls/moment.tsx";
import { StatusBadge } from "../controls/status-badge.tsx";
import { StackView } from "./stack-view.tsx";

export function AttemptList({ attempts }: { attempts: readonly AttemptRecord[] }) {
  const newestFirst = [...attempts].reverse();
  return (
    <div class="attempts">
      {newestFirst.map((attempt, index) => (
        <details key={`${attempt.attempt} ${attempt.finished_at}`} open={index === 0}>
          <summary>
            <span>Attempt {attempt.attempt}</span> <StatusBadge status={attempt.state} />
            <span class="attempt-error">{attempt.error.message}</span>
          </summary>
          <AttemptFacts attempt={attempt} />
          {attempt.error.stack !== null && <StackView stack={attempt.error.stack} />}
        </details>
      ))}
    </div>
  );
}

function AttemptFacts({ attempt }: { attempt: AttemptRecord }) {
  const { error, rule, run_ms, finished_at, next_run_at, process } = attempt;
  return (
    <dl class="facts">
      <div>
        <dt>Error</dt>
        <dd>
          {error.name}: {error.message}
        </dd>
      </div>
      {rule !== null && (
        <div>
          <dt>Classified by</dt>
          <dd>{rule}</dd>
        </div>
      )}
      <div>
        <dt>Ended</dt>
        <dd>
          <Moment at={finished_at} /> after {formatMs(run_ms)}
        </dd>
      </div>
      {next_run_at !== null && (
        <div>
          <dt>Next attempt</dt>
          <dd>
            <Moment at={next_run_at} />
          </dd>
        </div>
      )}
      {process !== null && (
        <div>
          <dt>Process</dt>
          <dd>
            <code>{process}</code>
          </dd>
        </div>
      )}
    </dl>
  );
}
