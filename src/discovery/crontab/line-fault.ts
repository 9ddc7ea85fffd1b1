/** Something wrong in one place of a crontab line. */

export interface LineFault {
  /** 1-based. */
  readonly column: number;
  readonly reason: string;
  readonly fix: string;
}
