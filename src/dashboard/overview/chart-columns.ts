/** The overview's series as columns of numbers, the way a chart wants them. Pure. */

import type { SeriesRecord } from "../api/records.ts";
import { momentMs } from "../controls/format.ts";

/** Epoch seconds first, then a column for each line. */
export type Columns = [number[], ...(number | null)[][]];

type NumberOf = Exclude<keyof SeriesRecord, "at">;

export function chartColumns(series: readonly SeriesRecord[], lines: readonly NumberOf[]): Columns {
  const times = series.map(({ at }) => (momentMs(at) ?? 0) / 1_000);
  return [times, ...lines.map((line) => series.map((one) => one[line]))];
}

/** The sum, or the highest, of a column; null for one without a number. */
export function columnTotal(series: readonly SeriesRecord[], line: NumberOf): number {
  return series.reduce((sum, one) => sum + (one[line] ?? 0), 0);
}

export function columnPeak(series: readonly SeriesRecord[], line: NumberOf): number | null {
  const values = series.map((one) => one[line]).filter((value) => value !== null);
  return values.length === 0 ? null : Math.max(...values);
}
