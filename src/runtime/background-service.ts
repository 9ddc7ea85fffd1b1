/** A part of a process that works beside the jobs: started after it, stopped before it ends. */

export interface BackgroundService {
  /** Called once the database is migrated, the tasks are loaded and the process is registered. */
  start(): void | Promise<void>;
  /** Called after the tasks were replaced by a reload. */
  tasksChanged?(): void;
  /** Called when no handler runs any more; must resolve also without a database. */
  stop(): void | Promise<void>;
}
