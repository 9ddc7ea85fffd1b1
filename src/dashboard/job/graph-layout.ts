/** Where a job's relatives stand: what came before on the left, what follows right. Pure. */

import type { JobDetails, RelativeRecord } from "../api/records.ts";

export interface GraphNode {
  readonly id: string;
  readonly task: string;
  readonly status: string;
  readonly x: number;
  readonly y: number;
  readonly isThis: boolean;
}

export interface GraphEdge {
  readonly from: GraphNode;
  readonly to: GraphNode;
  /** The later one waits for the end of the earlier one; else it was only added by it. */
  readonly waits: boolean;
}

export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

export const nodeSize = { width: 168, height: 46 };
const gap = { x: 62, y: 12 };

/** Null for a job without relatives. */
export function graphLayout(job: JobDetails): GraphLayout | null {
  const before = joined(job.parent === null ? [] : [job.parent], job.waits_for);
  const after = joined(job.children, job.waited_for_by);
  if (before.length + after.length === 0) return null;
  const rows = Math.max(before.length, after.length, 1);
  const height = rows * (nodeSize.height + gap.y) - gap.y;
  const columns = [before, [job], after];
  const used = columns.filter((column) => column.length > 0);
  const placed = used.map((column, index) => placedColumn(column, index, height, job.id));
  const center = placed.flat().find((node) => node.isThis);
  if (center === undefined) return null;
  const waitsFor = new Set(job.waits_for.map(({ id }) => id));
  const waitedBy = new Set(job.waited_for_by.map(({ id }) => id));
  const left = before.length === 0 ? [] : (placed[0] ?? []);
  const right = after.length === 0 ? [] : (placed.at(-1) ?? []);
  return {
    width: used.length * (nodeSize.width + gap.x) - gap.x,
    height,
    nodes: placed.flat(),
    edges: [
      ...left.map((node) => ({ from: node, to: center, waits: waitsFor.has(node.id) })),
      ...right.map((node) => ({ from: center, to: node, waits: waitedBy.has(node.id) })),
    ],
  };
}

function joined(
  first: readonly RelativeRecord[],
  second: readonly RelativeRecord[],
): readonly RelativeRecord[] {
  const known = new Set(first.map(({ id }) => id));
  return [...first, ...second.filter(({ id }) => !known.has(id))];
}

function placedColumn(
  column: readonly RelativeRecord[],
  index: number,
  height: number,
  thisId: string,
): GraphNode[] {
  const own = column.length * (nodeSize.height + gap.y) - gap.y;
  return column.map(({ id, task_type, status }, row) => ({
    id,
    task: task_type ?? "no longer kept",
    status: status ?? "",
    x: index * (nodeSize.width + gap.x),
    y: (height - own) / 2 + row * (nodeSize.height + gap.y),
    isThis: id === thisId,
  }));
}
