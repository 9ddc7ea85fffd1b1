/** A refusal of the API, or that it didn't answer, with what a person can do about it. */

export interface ApiIssue {
  readonly path: string;
  readonly message: string;
}

interface ApiErrorFacts {
  /** 0 = there was no answer. */
  readonly status: number;
  readonly code: string;
  readonly nextStep?: string | null;
  readonly issues?: readonly ApiIssue[];
}

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly nextStep: string | null;
  readonly issues: readonly ApiIssue[];

  constructor(message: string, { status, code, nextStep = null, issues = [] }: ApiErrorFacts) {
    super(message);
    this.status = status;
    this.code = code;
    this.nextStep = nextStep;
    this.issues = issues;
  }

  /** The server is older than this page and has no such call. */
  get isUnknownCall(): boolean {
    return this.status === 404 && this.code === "no-such-route";
  }
}

/** Of what was answered; null when it is no answer of this API, as a proxy's own page. */
export function apiErrorFrom(status: number, body: unknown): ApiError {
  const told = record(record(body).error);
  const issues = Array.isArray(told.issues) ? told.issues.map(record) : [];
  return new ApiError(text(told.detail) ?? `The server answered ${status}.`, {
    status,
    code: text(told.code) ?? "unknown",
    nextStep: text(told.next_step),
    issues: issues.map((one) => ({
      path: text(one.path) ?? "",
      message: text(one.message) ?? "is wrong",
    })),
  });
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  // why: any object can be asked for its members
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
