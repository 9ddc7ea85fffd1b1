/**
 * A list that holds still while somebody reads it: rows that are shown are brought up to date in
 * their places, newer ones wait until they are asked for. Pure: each function makes a new value.
 */

export interface HeldRow {
  /** A decimal number; the newest has the highest. */
  readonly id: string;
}

export interface HeldList<Row extends HeldRow> {
  readonly rows: readonly Row[];
  /** Newer than what is shown, newest first. */
  readonly waiting: readonly Row[];
  /** Ids of shown rows that the list's filter no longer matches. */
  readonly left: ReadonlySet<string>;
  /** Where the next page starts; null = there is none. */
  readonly nextCursor: string | null;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextCursor: string | null;
}

export function heldList<Row extends HeldRow>({ rows, nextCursor }: Page<Row>): HeldList<Row> {
  return { rows, waiting: [], left: new Set(), nextCursor };
}

/** The first page as it is now. */
export function refreshed<Row extends HeldRow>(
  held: HeldList<Row>,
  page: Page<Row>,
): HeldList<Row> {
  // Nobody reads an empty list.
  if (held.rows.length === 0) return heldList(page);
  const now = new Map(page.rows.map((row) => [row.id, row]));
  const newest = held.rows[0]?.id ?? "0";
  const oldestAsked = page.nextCursor === null ? "0" : (page.rows.at(-1)?.id ?? "0");
  const left = held.rows
    .filter(({ id }) => !now.has(id) && (held.left.has(id) || !isBefore(id, oldestAsked)))
    .map(({ id }) => id);
  return {
    rows: held.rows.map((row) => now.get(row.id) ?? row),
    waiting: page.rows.filter(({ id }) => isBefore(newest, id)),
    left: new Set(left),
    nextCursor: held.nextCursor,
  };
}

/** The next, older page. */
export function extended<Row extends HeldRow>(held: HeldList<Row>, page: Page<Row>): HeldList<Row> {
  const shown = new Set(held.rows.map(({ id }) => id));
  const more = page.rows.filter(({ id }) => !shown.has(id));
  return { ...held, rows: [...held.rows, ...more], nextCursor: page.nextCursor };
}

/** One row told to be otherwise. */
export function changed<Row extends HeldRow>(
  held: HeldList<Row>,
  id: string,
  change: Partial<Row>,
): HeldList<Row> {
  if (!held.rows.some((row) => row.id === id)) return held;
  return { ...held, rows: held.rows.map((row) => (row.id === id ? { ...row, ...change } : row)) };
}

function isBefore(id: string, other: string): boolean {
  return id.length === other.length ? id < other : id.length < other.length;
}
