/** A request that is refused on purpose: its status, a code for programs, and what to do. */

/** One thing that is wrong with what was sent. */
export interface RequestIssue {
  /** "$.payload.to" in the body, "query.limit" in the address. */
  readonly path: string;
  readonly message: string;
}

export interface HttpErrorDetails {
  /** What to do about it. */
  readonly nextStep?: string;
  readonly issues?: readonly RequestIssue[];
  readonly headers?: Readonly<Record<string, string>>;
}

export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  readonly nextStep: string | null;
  readonly issues: readonly RequestIssue[] | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, details: HttpErrorDetails = {}) {
    super(message);
    this.name = "HttpError";
    this.status = status;
    this.code = code;
    this.nextStep = details.nextStep ?? null;
    this.issues = details.issues ?? null;
    this.headers = details.headers ?? {};
  }
}
