/** One of the systems under comparison, as the benches drive it. */

export type BenchHandler = (payload: unknown) => unknown;

export interface RunningSide {
  /**
   * Resolves when every job whose handler has ended is settled in the database. To be called
   * when no more jobs will come: a side may have no other way to tell than to stop.
   */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface Side {
  /** As the tables show it. */
  readonly name: string;
  /** Whether finished jobs leave a history row with their output. */
  readonly keepsHistory: boolean;
  /** Begins to work on the queue: `handlers` by task name. */
  start(handlers: Readonly<Record<string, BenchHandler>>): Promise<RunningSide>;
  /** Frees what outlives one start. */
  close(): Promise<void>;
}
