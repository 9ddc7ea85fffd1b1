/** A small chart over time, drawn by uPlot in the colours of the page. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Columns } from "./chart-columns.ts";

export interface TrendLine {
  readonly label: string;
  /** A state's name, or "p50" and "p95": the colour. */
  readonly tone: string;
  readonly isFilled?: boolean;
}

export interface TrendChartProps {
  readonly title: string;
  /** The same in words, for who can't see it. */
  readonly summary: string;
  readonly columns: Columns;
  readonly lines: readonly TrendLine[];
  readonly format: (value: number) => string;
}

const height = 170;

export function TrendChart({ title, summary, columns, lines, format }: TrendChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const data = useRef(columns);
  data.current = columns;
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const draw = (): void => {
      chart.current?.destroy();
      chart.current = new uPlot(chartOptions(element, lines, format), data.current, element);
    };
    const resized = new ResizeObserver(() =>
      chart.current?.setSize({ width: element.clientWidth, height }),
    );
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const themed = new MutationObserver(draw);
    draw();
    resized.observe(element);
    themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    dark.addEventListener("change", draw);
    return () => {
      resized.disconnect();
      themed.disconnect();
      dark.removeEventListener("change", draw);
      chart.current?.destroy();
      chart.current = null;
    };
  }, [title]);
  useEffect(() => chart.current?.setData(columns), [columns]);
  return (
    <figure class="card chart">
      <figcaption>
        <h2>{title}</h2>
        <span class="legend">
          {lines.map(({ label, tone }) => (
            <span key={label}>
              <i class={`swatch tone-${tone}`} aria-hidden="true" /> {label}
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={place} class="chart-place" role="img" aria-label={`${title}: ${summary}`} />
      <p class="faint small-text">{summary}</p>
    </figure>
  );
}

function chartOptions(
  element: HTMLElement,
  lines: readonly TrendLine[],
  format: (value: number) => string,
): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: colorOf("axis"),
    grid: { stroke: colorOf("grid"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { points: { size: 6 }, drag: { x: false, y: false } },
    scales: { y: { range: (_, __, highest) => [0, Math.max(highest ?? 0, 1) * 1.1] } },
    axes: [
      { ...axis, size: 28, values: (_, ticks) => ticks.map(clockTime) },
      { ...axis, size: 54, values: (_, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      {},
      ...lines.map(({ label, tone, isFilled }) => ({
        label,
        stroke: colorOf(tone),
        width: 1.75,
        // A line between too few moments would not be seen.
        points: { show: isSparse, size: 5, fill: colorOf(tone) },
        ...(isFilled ? { fill: faded(colorOf(tone)) } : {}),
      })),
    ],
  };
}

function clockTime(seconds: number): string {
  const time = new Date(seconds * 1_000);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}`;
}

function isSparse(chart: uPlot, index: number): boolean {
  const values = chart.data[index] ?? [];
  return values.filter((value) => value !== null).length < 12;
}

/** A canvas knows no CSS variables: an element that has the colour is asked. */
function colorOf(tone: string): string {
  const probe = document.createElement("i");
  probe.className = `swatch tone-${tone}`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function faded(color: string): string {
  return color.replace(/^rgb\((.*)\)$/, "rgba($1, 0.14)");
}
