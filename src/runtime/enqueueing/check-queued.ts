/**
 * Holds every queued payload against the tasks at hand, as the next attempt of the job would, and
 * counts what would fail by task and place. Changes nothing.
 */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { formatPath, withoutSecrets } from "../../core/schema-issues.ts";
import type { Task } from "../../core/task.ts";
import type { QueuedPayload } from "../../store/queue/queued-payloads.ts";

export interface QueuedCheck {
  /** How many jobs were looked at. */
  readonly jobs: number;
  /** How many of them would fail. */
  readonly failing: number;
  /** The tasks at hand that have jobs, by name. */
  readonly tasks: readonly CheckedTask[];
  /** Names that no task has; their jobs were only counted. */
  readonly unknown: readonly JobGroup[];
}

/** Some jobs; `ids` are the first few of them. */
export interface JobGroup {
  /** The name that they were queued under. */
  readonly task: string;
  readonly jobs: number;
  readonly ids: readonly string[];
}

export interface CheckedTask {
  readonly task: string;
  readonly jobs: number;
  readonly failing: number;
  /** Where, most jobs first; a payload may be wrong in several places. */
  readonly places: readonly FailingPlace[];
}

export interface FailingPlace extends JobGroup {
  /** "$.items[].to": positions are left out. */
  readonly path: string;
  /** What the schema says of the first of them. */
  readonly message: string;
}

const shownIds = 5;

interface Counted {
  jobs: number;
  readonly ids: string[];
}

interface Place extends Counted {
  readonly message: string;
}

interface TaskCount {
  jobs: number;
  failing: number;
  readonly places: Map<string, Place>;
}

export async function checkQueued(
  payloads: AsyncIterable<QueuedPayload>,
  findTask: (name: string) => Task | undefined,
): Promise<QueuedCheck> {
  const tasks = new Map<string, TaskCount>();
  const unknown = new Map<string, Counted>();
  for await (const { id, task: name, payload } of payloads) {
    const task = findTask(name);
    if (task === undefined) {
      count(unknown, name, id, () => ({ jobs: 0, ids: [] }));
      continue;
    }
    const found = tasks.get(name) ?? { jobs: 0, failing: 0, places: new Map() };
    tasks.set(name, found);
    found.jobs += 1;
    const issues = await issuesOf(task, payload);
    if (issues.size > 0) found.failing += 1;
    for (const [path, message] of issues) {
      count(found.places, path, id, () => ({ jobs: 0, ids: [], message }));
    }
  }
  return reportOf(tasks, unknown);
}

function count<Group extends Counted>(
  groups: Map<string, Group>,
  name: string,
  id: string,
  make: () => Group,
): void {
  const group = groups.get(name) ?? make();
  groups.set(name, group);
  group.jobs += 1;
  if (group.ids.length < shownIds) group.ids.push(id);
}

/** What is wrong, by place; the first word on each. */
async function issuesOf(task: Task, payload: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (task.payloadSchema === null) return found;
  const value: unknown = JSON.parse(payload);
  try {
    const checked = await task.payloadSchema["~standard"].validate(value);
    for (const { path, message } of withoutSecrets(checked.issues ?? [], value, task.secrets)) {
      const place = formatPath((path ?? []).map(withoutPosition)).replaceAll('[""]', "[]");
      if (!found.has(place)) found.set(place, message);
    }
  } catch (error) {
    // An attempt would end like this as well.
    const message = error instanceof Error ? error.message : String(error);
    for (const issue of withoutSecrets([{ message }], value, task.secrets)) {
      found.set("$", issue.message);
    }
  }
  return found;
}

function withoutPosition(segment: PropertyKey | StandardSchemaV1.PathSegment): PropertyKey {
  const key = typeof segment === "object" ? segment.key : segment;
  return typeof key === "number" ? "" : key;
}

function reportOf(tasks: Map<string, TaskCount>, unknown: Map<string, Counted>): QueuedCheck {
  const byName = <T>([a]: [string, T], [b]: [string, T]) => (a < b ? -1 : 1);
  const checked = [...tasks].sort(byName).map(([task, { jobs, failing, places }]) => ({
    task,
    jobs,
    failing,
    places: [...places]
      .map(([path, place]) => ({ task, path, ...place }))
      .sort((a, b) => b.jobs - a.jobs),
  }));
  const missing = [...unknown].sort(byName).map(([task, group]) => ({ task, ...group }));
  const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
  return {
    jobs: sum([...checked, ...missing].map(({ jobs }) => jobs)),
    failing: sum(checked.map(({ failing }) => failing)),
    tasks: checked,
    unknown: missing,
  };
}
