/** What needs somebody first, the worst on top, each with the way to where it is mended. */

import type { AttentionRecord } from "../api/records.ts";
import { Moment } from "../controls/moment.tsx";
import { href } from "../routing/route.ts";

interface Kind {
  readonly title: string;
  readonly link: (one: AttentionRecord) => string;
}

const taskOr = (one: AttentionRecord, otherwise: string): string =>
  one.task_type ? href("task", one.task_type) : otherwise;

/** In the order of their urgency. */
const kinds: Readonly<Record<string, Kind>> = {
  no_process: { title: "Nobody to run it", link: (one) => taskOr(one, href("processes")) },
  load_failure: { title: "Can't be loaded", link: () => href("tasks") },
  breaker_open: { title: "Breaker open", link: (one) => taskOr(one, href("tasks")) },
  stuck: {
    title: "Seems stuck",
    // About no task: handlers that outlasted their attempts, whose jobs have gone on.
    link: (one) =>
      one.task_type
        ? href("jobs", "", { status: "running", task: one.task_type })
        : href("processes"),
  },
  failed: {
    title: "Failed",
    link: (one) =>
      one.task_type ? href("jobs", "", { status: "failed", task: one.task_type }) : href("errors"),
  },
  paused: { title: "Paused", link: (one) => taskOr(one, href("tasks")) },
};

export function AttentionList({ items }: { items: readonly AttentionRecord[] }) {
  if (items.length === 0) {
    return (
      <p class="all-well">
        <span aria-hidden="true">✓</span> Nothing needs attention.
      </p>
    );
  }
  const order = Object.keys(kinds);
  const sorted = [...items].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  return (
    <section class="card attention" aria-labelledby="attention">
      <h2 id="attention">Needs attention</h2>
      <ul>
        {sorted.map((one) => (
          <li key={`${one.kind} ${one.task_type} ${one.detail}`} class={`kind-${one.kind}`}>
            <AttentionLine one={one} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function AttentionLine({ one }: { one: AttentionRecord }) {
  const kind = kinds[one.kind];
  return (
    <a href={kind?.link(one) ?? href("jobs")}>
      <span class="attention-title">
        {kind?.title ?? one.kind}
        {one.task_type ? ` · ${one.task_type}` : ""}
      </span>
      <span class="attention-detail">{one.detail}</span>
      {one.since && one.kind !== "failed" && (
        <span class="faint small-text">
          <Moment at={one.since} />
        </span>
      )}
    </a>
  );
}
