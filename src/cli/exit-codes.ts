/** The codes a command ends with, and what each says to a script. The only list of them. */

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  unavailable: 69,
  internal: 70,
  crashed: 71,
  temporary: 75,
  config: 78,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: "done; a stop by SIGINT, SIGTERM or SIGHUP too",
  failed: "a job failed for good, or a check found faults",
  usage: "unknown command or flag, or a value that can't be read",
  unavailable: "the database can't be reached or used",
  internal: "a fault in taskrun itself",
  crashed: "the processes of --processes ended again and again",
  temporary: "not now: try again; of a stop, that not all could be written down before it",
  config: "the configuration is wrong",
};
