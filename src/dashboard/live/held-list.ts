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
  /** All that is newer has been looked at, as far as the list goes; null = it is full, or ends. */
  readonly searchedTo: string | null;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextCursor: string | null;
  readonly searchedTo: string | null;
}

export function heldList<Row extends HeldRow>(page: Page<Row>): HeldList<Row> {
  return { ...page, waiting: [], left: new Set() };
}

/** The first page as it is now. */
export function refreshed<Row extends HeldRow>(
  held: HeldList<Row>,
  page: Page<Row>,
): HeldList<Row> {
  // Nobody reads an empty list; but somebody may have searched on from it.
  if (held.rows.length === 0) return cameFurther(held, page) ? held : heldList(page);
  const now = new Map(page.rows.map((row) => [row.id, row]));
  const newest = held.rows[0]?.id ?? "0";
  const oldestAsked = page.nextCursor === null ? "0" : (page.rows.at(-1)?.id ?? page.nextCursor);
  const left = held.rows
    .filter(({ id }) => !now.has(id) && (held.left.has(id) || !isBefore(id, oldestAsked)))
    .map(({ id }) => id);
  return {
    rows: held.rows.map((row) => now.get(row.id) ?? row),
    waiting: page.rows.filter(({ id }) => isBefore(newest, id)),
    left: new Set(left),
    nextCursor: held.nextCursor,
    searchedTo: held.searchedTo,
  };
}

/** The next, older page. */
export function extended<Row extends HeldRow>(held: HeldList<Row>, page: Page<Row>): HeldList<Row> {
  const shown = new Set(held.rows.map(({ id }) => id));
  const more = page.rows.filter(({ id }) => !shown.has(id));
  const { nextCursor, searchedTo } = page;
  return { ...held, rows: [...held.rows, ...more], nextCursor, searchedTo };
}

function cameFurther<Row extends HeldRow>(held: HeldList<Row>, page: Page<Row>): boolean {
  if (page.rows.length > 0 || page.nextCursor === null) return false;
  return held.nextCursor === null || isBefore(held.nextCursor, page.nextCursor);
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
