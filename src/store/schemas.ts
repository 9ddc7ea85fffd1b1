/**
 * The two schemas we speak of: graphile-worker's (the queue) and ours beside it.
 * Owns their names and how a statement names them; holds no SQL of its own.
 */

export interface Schemas {
  /** graphile-worker's schema, as an identifier that is safe inside SQL text. */
  readonly queue: string;
  /** Our schema, as an identifier that is safe inside SQL text. */
  readonly own: string;
  /** graphile-worker's schema by its plain name. */
  readonly queueName: string;
  /** Our schema by its plain name. */
  readonly ownName: string;
  /** The channel on which processes are told of pauses, breakers and cancelled jobs. */
  readonly controlChannel: string;
}

/**
 * Our tables belong to one queue: job ids are only unique within it. So beside the usual
 * "graphile_worker" they are in "taskrun", and beside any other schema in "<schema>_taskrun".
 */
export function schemasFor(queueName: string): Schemas {
  const ownName = queueName === "graphile_worker" ? "taskrun" : `${queueName}_taskrun`;
  return {
    queue: quoted(queueName),
    own: quoted(ownName),
    queueName,
    ownName,
    controlChannel: `${ownName}:control`,
  };
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
