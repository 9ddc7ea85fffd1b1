/** What a job may be given beside its payload: texts of a form, and what the API takes. Pure. */

export interface JobOptions {
  readonly priority: string;
  readonly scheduledAt: string;
  readonly maxAttempts: string;
  readonly queue: string;
  readonly key: string;
  readonly correlationId: string;
  /** JSON. */
  readonly metadata: string;
}

export const noOptions: JobOptions = {
  priority: "",
  scheduledAt: "",
  maxAttempts: "",
  queue: "",
  key: "",
  correlationId: "",
  metadata: "",
};

/** The API's name of each. */
export const optionNames: Readonly<Record<keyof JobOptions, string>> = {
  priority: "priority",
  scheduledAt: "scheduled_at",
  maxAttempts: "max_attempts",
  queue: "queue",
  key: "key",
  correlationId: "correlation_id",
  metadata: "metadata",
};

/** Without what was left empty. */
export function optionsBody(options: JobOptions): Readonly<Record<string, unknown>> {
  const { priority, scheduledAt, maxAttempts, ...texts } = options;
  const body = {
    priority: numberOrText(priority),
    scheduled_at: moment(scheduledAt),
    max_attempts: numberOrText(maxAttempts),
    queue: texts.queue,
    key: texts.key,
    correlation_id: texts.correlationId,
    metadata: jsonOrText(texts.metadata),
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== ""));
}

function numberOrText(text: string): string | number {
  const trimmed = text.trim();
  return /^-?\d+$/.test(trimmed) ? Number(trimmed) : trimmed;
}

/** What is no JSON is for the server to refuse. */
function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.trim();
  }
}

/** The browser's field has no zone: its moments are of this machine's. */
function moment(local: string): string {
  const ms = Date.parse(local);
  return Number.isNaN(ms) ? local : new Date(ms).toISOString();
}
