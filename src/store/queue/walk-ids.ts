/**
 * Walks several sources of ids from the newest id on, merged, until there are enough or the time is
 * over: a search that finds little says how far it came instead of reading everything. The pieces
 * grow while the database answers quickly. What a source is, is `job-sources`' business.
 */

export interface FoundIds {
  /** Newest first; the last one counts as the floor when it is full. */
  readonly ids: readonly string[];
  /** All ids from this one on have been looked at; "0" = there are no more. */
  readonly floor: string;
}

export interface PieceAsked {
  /** Only smaller ids; null = all. */
  readonly before: string | null;
  /** How many rows to look at. */
  readonly rows: number;
  /** How many ids to find. */
  readonly limit: number;
}

export type IdSource = (piece: PieceAsked) => Promise<FoundIds>;

export interface WalkOptions {
  readonly limit: number;
  readonly before: string | null;
  /** No new piece is begun later than that. Infinity = to the end. */
  readonly budgetMs: number;
}

export interface WalkedIds {
  /** Newest first. */
  readonly ids: string[];
  /** Where the time was over: go on before this id. Null: there are enough, or no more. */
  readonly searchedTo: string | null;
}

const firstRows = 250;
const mostRows = 20_000;
/** A piece should take about that long. */
const pieceMs = 20;

interface Walking {
  readonly source: IdSource;
  ids: string[];
  before: string | null;
  rows: number;
  isDone: boolean;
}

export async function walkIds(
  sources: readonly IdSource[],
  { limit, before, budgetMs }: WalkOptions,
): Promise<WalkedIds> {
  const endMs = performance.now() + budgetMs;
  const walks = sources.map(
    (source): Walking => ({ source, ids: [], before, rows: firstRows, isDone: false }),
  );
  // Each has its first piece, however long it takes: else nobody would ever come further.
  for (const walk of walks) await step(walk, limit);
  for (;;) {
    const behind = furthestBehind(walks);
    const ids = found(walks, behind?.before ?? "0");
    if (ids.length >= limit) return { ids: ids.slice(0, limit), searchedTo: null };
    if (behind === null) return { ids, searchedTo: null };
    if (performance.now() >= endMs) return { ids, searchedTo: behind.before };
    await step(behind, limit);
  }
}

async function step(walk: Walking, limit: number): Promise<void> {
  const { before, rows } = walk;
  const startMs = performance.now();
  const { ids, floor } = await walk.source({ before, rows, limit });
  const tookMs = Math.max(performance.now() - startMs, 0.1);
  walk.ids.push(...ids);
  const last = ids.at(-1);
  const stopped = ids.length >= limit && last !== undefined ? last : floor;
  walk.isDone = stopped === "0";
  walk.before = stopped;
  const factor = Math.min(Math.max(pieceMs / tookMs, 0.2), 4);
  walk.rows = Math.round(Math.min(Math.max(rows * factor, 10), mostRows));
}

/** The one that has come least far down; null when all are at the end. */
function furthestBehind(walks: readonly Walking[]): Walking | null {
  const open = walks.filter(({ isDone }) => !isDone);
  return open.reduce<Walking | null>(
    (high, walk) => (high === null || isAbove(walk.before, high.before) ? walk : high),
    null,
  );
}

function found(walks: readonly Walking[], floor: string): string[] {
  const ids = walks.flatMap((walk) => walk.ids).filter((id) => !isAbove(floor, id));
  return [...new Set(ids)].sort((a, b) => (isAbove(a, b) ? -1 : 1));
}

/** Decimal numbers, perhaps longer than a number holds; null is above all. */
function isAbove(id: string | null, other: string | null): boolean {
  if (id === null || other === null) return id === null && other !== null;
  return id.length === other.length ? id > other : id.length > other.length;
}
