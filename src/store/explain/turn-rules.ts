/** Rules of `explain` for jobs that are due, and only wait for somebody to take them. */

import { closestName } from "../../core/closest-name.ts";
import { manyAhead, type Situation } from "../queue/read-situation.ts";
import { waitingState } from "./gate-rules.ts";
import {
  type Explained,
  isLive,
  past,
  plural,
  processesWith,
  type Rule,
  unlessNobody,
} from "./rule.ts";

export const turnRules: readonly Rule[] = [isInBusyQueue, hasNobody, isAtKeyLimit, waitsItsTurn];

function isInBusyQueue(situation: Situation): Explained | null {
  const { queued, queue_holder, queue_head } = situation;
  if (queued === null || queued.queue === null) return null;
  const { queue, queue_locked_at, queue_locked_by } = queued;
  const state = waitingState(queued, situation);
  const facts = { queue, running: queue_holder, ahead: queue_head, locked_by: queue_locked_by };
  if (queue_locked_at !== null) {
    const since = past(queue_locked_at, situation);
    const holder =
      queue_holder === null
        ? `the process ${queue_locked_by} holds it since ${since}`
        : `job ${queue_holder} of it runs in the process ${queue_locked_by} since ${since}`;
    const sentence = `It waits since the jobs of the queue ${queue} run one at a time, and ${holder}.`;
    return { state, reason: "queue-busy", sentence, facts };
  }
  if (queue_head === null) return null;
  const sentence = `It waits since the jobs of the queue ${queue} run one at a time, and job ${queue_head} comes first${unlessNobody(situation)}.`;
  return { state, reason: "queue-busy", sentence, facts };
}

function hasNobody(situation: Situation): Explained | null {
  const { queued, processes } = situation;
  if (queued === null || processesWith(situation).length > 0) return null;
  const live = processes.filter(isLive);
  const state = waitingState(queued, situation);
  const facts = { task: queued.task, processes: live.map(({ id }) => id) };
  if (live.length === 0) {
    const sentence = "It waits since no taskrun process is running.";
    return { state, reason: "no-process", sentence, facts: { ...facts, similar: null } };
  }
  const similar = closestName(queued.task, new Set(live.flatMap(({ tasks }) => tasks ?? [])));
  const meant = similar === null ? "" : `, though there is ${similar}`;
  const running =
    live.length === 1
      ? "the running process doesn't have"
      : `none of the ${live.length} running processes has`;
  const sentence = `It waits since ${running} the task ${queued.task}${meant}.`;
  return { state, reason: "no-task", sentence, facts: { ...facts, similar } };
}

const shownRunning = 5;

/** The limit itself is known to the code alone; that others of the key count against it is not. */
function isAtKeyLimit(situation: Situation): Explained | null {
  const { queued, key_limit } = situation;
  if (queued === null || key_limit === null) return null;
  const { task, key, running, started } = key_limit;
  if (running.length === 0 && started === 0) return null;
  const shown = running.slice(0, shownRunning).join(", ");
  const rest = running.length > shownRunning ? " and more" : "";
  const counted = [
    ...(running.length === 0
      ? []
      : [`${plural(running.length, "job of it runs", "jobs of it run")} (${shown}${rest})`]),
    ...(started === 0 ? [] : [`${started} started within its rate's span`]),
  ].join(", ");
  const sentence = `It waits for the limit of ${task} on jobs of the key "${key}": ${counted}.`;
  const state = waitingState(queued, situation);
  return { state, reason: "key-limit", sentence, facts: { ...key_limit } };
}

function waitsItsTurn(situation: Situation): Explained | null {
  const { queued } = situation;
  if (queued === null) return null;
  const ahead = situation.ahead ?? 0;
  const { priority, run_at } = queued;
  const takers = processesWith(situation).length;
  const have = `${plural(takers, "running process has", "running processes have")} its task`;
  const facts = { ahead, priority, run_at, processes: takers };
  const state = waitingState(queued, situation);
  const since = `It is due since ${past(run_at, situation)} and waits its turn`;
  if (ahead === 0) {
    const sentence = `${since}: none that is due comes before it, and ${have}.`;
    return { state, reason: "waiting", sentence, facts };
  }
  const count = ahead >= manyAhead ? `${manyAhead} or more` : String(ahead);
  const jobs = ahead === 1 ? "due job comes" : "due jobs come";
  const sentence = `${since}: ${count} ${jobs} before it (its priority is ${priority}), and ${have}.`;
  return { state, reason: "waiting", sentence, facts };
}
