/** Where one looks first: what needs attention, how many jobs are in which state, how it goes. */

import { useState } from "preact/hooks";
import { jobStatuses } from "../api/job-status.ts";
import type { OverviewRecord, SeriesRecord } from "../api/records.ts";
import { useApp } from "../app-context.ts";
import { formatCount, formatMs, formatShortCount } from "../controls/format.ts";
import { Loaded } from "../controls/notice.tsx";
import { useResource } from "../live/use-resource.ts";
import { href } from "../routing/route.ts";
import { AttentionList } from "./attention-list.tsx";
import { chartColumns, columnPeak, columnTotal } from "./chart-columns.ts";
import { TrendChart, type TrendLine } from "./trend-chart.tsx";

const spans: Readonly<Record<string, number>> = {
  "1 h": 3_600_000,
  "6 h": 21_600_000,
  "24 h": 86_400_000,
};
const buckets = 60;

export function OverviewScreen() {
  const { api } = useApp();
  const [span, setSpan] = useState("1 h");
  const overview = useResource(
    `overview ${span}`,
    () => {
      const since = new Date(Date.now() - (spans[span] ?? 3_600_000)).toISOString();
      return api.get<OverviewRecord>("overview", { since, buckets });
    },
    {
      on: ({ kind }) => kind !== "progress",
      spacingMs: 2_000,
      everyMs: 4_000,
      whileLiveMs: 10_000,
    },
  );
  return (
    <section class="screen" aria-labelledby="title">
      <header class="screen-head">
        <h1 id="title">Overview</h1>
        <fieldset class="tabs" aria-label="How far back">
          {Object.keys(spans).map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={one === span}
              onClick={() => setSpan(one)}
            >
              {one}
            </button>
          ))}
        </fieldset>
      </header>
      <Loaded resource={overview}>
        {({ counts, series, attention }) => (
          <>
            <AttentionList items={attention} />
            <StateCounts counts={counts} />
            <Trends series={series} span={span} />
          </>
        )}
      </Loaded>
    </section>
  );
}

function StateCounts({ counts }: { counts: OverviewRecord["counts"] }) {
  return (
    <ul class="counts">
      {jobStatuses.map((status) => (
        <li key={status}>
          <a
            class={`count-tile status-${status}${counts[status] ? "" : " zero"}`}
            href={href("jobs", "", { status })}
            title={`${formatCount(counts[status] ?? 0)} ${status}`}
          >
            <span class="count-number">{formatShortCount(counts[status] ?? 0)}</span>
            <span class="count-name">{status}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

const endings: readonly TrendLine[] = [
  { label: "completed", tone: "completed", isFilled: true },
  { label: "failed", tone: "failed" },
  { label: "cancelled", tone: "cancelled" },
];
const percentiles: readonly TrendLine[] = [
  { label: "p50", tone: "p50" },
  { label: "p95", tone: "p95" },
];

function Trends({ series, span }: { series: readonly SeriesRecord[]; span: string }) {
  const total = (line: "completed" | "failed"): string => formatCount(columnTotal(series, line));
  const peak = (line: "wait_p95_ms" | "run_p95_ms"): string => formatMs(columnPeak(series, line));
  return (
    <div class="charts">
      <TrendChart
        title="Finished jobs"
        summary={`${total("completed")} completed and ${total("failed")} failed within ${span}`}
        columns={chartColumns(series, ["completed", "failed", "cancelled"])}
        lines={endings}
        format={formatShortCount}
      />
      <TrendChart
        title="Time waited"
        summary={`p95 at most ${peak("wait_p95_ms")}`}
        columns={chartColumns(series, ["wait_p50_ms", "wait_p95_ms"])}
        lines={percentiles}
        format={formatMs}
      />
      <TrendChart
        title="Time run"
        summary={`p95 at most ${peak("run_p95_ms")}`}
        columns={chartColumns(series, ["run_p50_ms", "run_p95_ms"])}
        lines={percentiles}
        format={formatMs}
      />
    </div>
  );
}
