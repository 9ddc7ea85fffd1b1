/** The figures that a run of all benches comes to, and whether each is as it should be. */

import { cellOf, type ReadTable } from "./markdown-tables.ts";

export interface FigureSpec {
  readonly label: string;
  /** Where it stands: the row's first cell and the column's head. */
  readonly row: string;
  readonly column: RegExp;
  /** Divided by the same column of this row. Default: not divided. */
  readonly against?: string;
  readonly goal: Goal;
  /** Default: a ratio. */
  readonly unit?: string;
}

export type Goal = { readonly atLeast: number } | { readonly atMost: number };

export interface Figure {
  readonly label: string;
  /** Null when the bench has not come so far. */
  readonly value: number | null;
  readonly goal: Goal;
  readonly unit: string;
}

export function readFigure(tables: readonly ReadTable[], spec: FigureSpec): Figure {
  const { label, row, column, against, goal, unit = "×" } = spec;
  const value = cellOf(tables, row, column);
  const base = against === undefined ? 1 : cellOf(tables, against, column);
  return { label, goal, unit, value: value === null || base === null ? null : value / base };
}

/** Above 1 when it is better than the goal asks for; null when there is no figure. */
export function shareOfGoal({ value, goal }: Figure): number | null {
  if (value === null) return null;
  return "atLeast" in goal ? value / goal.atLeast : goal.atMost / value;
}

export function isReached(figure: Figure): boolean {
  return (shareOfGoal(figure) ?? 0) >= 1;
}

export function goalText({ goal, unit }: Figure): string {
  const text = "atLeast" in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`;
  return unit === "×" ? `${text}×` : `${text} ${unit}`;
}

export function valueText({ value, unit }: Figure): string {
  if (value === null) return "–";
  return unit === "×" ? `${value.toFixed(2)}×` : `${value.toFixed(1)} ${unit}`;
}
