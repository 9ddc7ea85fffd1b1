/** A job as the API tells it, for tests of what the dashboard makes of it. */

import type { JobDetails } from "../../src/dashboard/api/records.ts";

export function jobDetails(more: Partial<JobDetails>): JobDetails {
  return {
    id: "17",
    task_type: "email",
    status: "pending",
    priority: "normal",
    created_at: "2030-01-31T08:00:00.000Z",
    scheduled_at: "2030-01-31T08:00:00.000Z",
    started_at: null,
    completed_at: null,
    current_attempt: 0,
    max_attempts: 3,
    last_error: null,
    progress: null,
    queue: null,
    key: null,
    correlation_id: null,
    created_by: null,
    payload: {},
    output: null,
    metadata: {},
    error: null,
    attempts: [],
    wait_ms: null,
    run_ms: null,
    process: null,
    steps: [],
    logs: [],
    parent: null,
    children: [],
    waits_for: [],
    waited_for_by: [],
    explanation: null,
    ...more,
  };
}
