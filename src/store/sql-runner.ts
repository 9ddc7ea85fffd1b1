/**
 * Runs one statement: pg's pools and clients do, and so does whatever stands for a transaction
 * of somebody else. The least that queuing and looking at a job need.
 */

export interface SqlRunner {
  /** Placeholders are `$1`, `$2`; every value is text. */
  query(
    text: string,
    values: string[],
  ): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;
}
