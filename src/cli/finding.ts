/** What the doctor found out about one thing. */

export interface Finding {
  readonly name: string;
  readonly status: "ok" | "warn" | "fail";
  readonly detail: string;
  /** What to do; null when there is nothing to do. */
  readonly fix: string | null;
}
