/**
 * Which jobs a list shows: one value between the address bar, the search field, the API's lists
 * and its bulk operations. Pure.
 */

import type { Query } from "../api/api-client.ts";
import { jobStatuses } from "../api/job-status.ts";
import type { Params } from "../routing/route.ts";

export interface JobQuery {
  readonly status: string;
  readonly task: string;
  readonly queue: string;
  readonly correlation: string;
  /** "1h", "24h", "7d", or a moment; "" = any time. */
  readonly since: string;
  /** What made it fail. */
  readonly fingerprint: string;
  /** "path=value", each of which must hold. */
  readonly payload: readonly string[];
}

export const periods: Readonly<Record<string, number>> = {
  "1h": 3_600_000,
  "24h": 86_400_000,
  "7d": 604_800_000,
};

export function queryFromParams(params: URLSearchParams): JobQuery {
  const one = (name: string): string => params.get(name) ?? "";
  const status = one("status");
  return {
    status: jobStatuses.some((known) => known === status) ? status : "",
    task: one("task"),
    queue: one("queue"),
    correlation: one("correlation"),
    since: one("since"),
    fingerprint: one("fingerprint"),
    payload: params.getAll("payload"),
  };
}

export function paramsFromQuery(query: JobQuery): Params {
  return { ...query };
}

export function isUnfiltered(query: JobQuery): boolean {
  return Object.values(query).every((value) => value.length === 0);
}

/** In the words of the API. */
export function apiFilter(query: JobQuery, nowMs: number): Query {
  const { status, task, queue, correlation, since, fingerprint, payload } = query;
  const filter: Record<string, string | readonly string[]> = {
    status,
    task_type: task,
    queue,
    correlation_id: correlation,
    since: sinceMoment(since, nowMs),
    fingerprint,
    payload,
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value.length > 0));
}

function sinceMoment(since: string, nowMs: number): string {
  const period = periods[since];
  return period === undefined ? since : new Date(nowMs - period).toISOString();
}

const named = { queue: "queue", correlation: "correlation", error: "fingerprint" } as const;

export interface Search {
  readonly query: JobQuery;
  /** Words that mean nothing. */
  readonly unknown: readonly string[];
}

/**
 * Understands what was typed: `queue:mail correlation:abc error:1f2e user.id=7`, and a word as one
 * of `tasks`, or a part of its name. Keeps status, time and, without a word, the task of `query`.
 */
export function withSearch(query: JobQuery, typed: string, tasks: readonly string[] = []): Search {
  const found = { queue: "", correlation: "", fingerprint: "" };
  const payload: string[] = [];
  const words: string[] = [];
  for (const part of typed.match(/[^\s"]*"[^"]*"|\S+/g) ?? []) {
    const [, name = "", value = ""] = /^(queue|correlation|error):(.+)$/s.exec(part) ?? [];
    if (isNamed(name)) found[named[name]] = unquoted(value);
    else if (/^[^\s="]+=./.test(part)) payload.push(unquotedValue(part));
    else words.push(unquoted(part));
  }
  const taskOf = (word: string): string | undefined =>
    tasks.find((task) => task === word) ?? tasks.find((task) => task.includes(word));
  const task = words.map(taskOf).find((one) => one !== undefined) ?? query.task;
  return {
    query: { ...query, ...found, payload, task },
    unknown: words.filter((word) => taskOf(word) === undefined),
  };
}

/** What `withSearch` would understand as the same query. */
export function searchText(query: JobQuery): string {
  const { queue, correlation, fingerprint, payload } = query;
  return [
    ...(queue ? [`queue:${quoted(queue)}`] : []),
    ...(correlation ? [`correlation:${quoted(correlation)}`] : []),
    ...(fingerprint ? [`error:${quoted(fingerprint)}`] : []),
    ...payload.map((one) => one.replace(/=(.*)$/s, (_, value) => `=${quoted(value)}`)),
  ].join(" ");
}

/** A number is the id of a job. */
export function idIn(typed: string): string | null {
  return /^#?(\d{1,18})$/.exec(typed.trim())?.[1] ?? null;
}

function isNamed(name: string): name is keyof typeof named {
  return name in named;
}

function quoted(text: string): string {
  return /\s/.test(text) ? `"${text}"` : text;
}

function unquoted(text: string): string {
  return text.replace(/^"(.*)"$/s, "$1");
}

function unquotedValue(part: string): string {
  return part.replace(/="(.*)"$/s, "=$1");
}
