/** Reads figures back out of the tables that the benches print. */

export interface ReadTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A line of cells under a line of cells and a rule, as `markdownTable` prints them. */
export function readTables(text: string): ReadTable[] {
  const tables: { head: string[]; rows: string[][] }[] = [];
  let head: string[] | null = null;
  let isTable = false;
  for (const line of text.split("\n")) {
    const cells = /^\| (.*) \|$/.exec(line.trim())?.[1]?.split(" | ") ?? null;
    if (cells === null) isTable = false;
    else if (isTable) tables.at(-1)?.rows.push(cells);
    else if (head !== null && cells.every((cell) => /^-+:?$/.test(cell))) {
      tables.push({ head, rows: [] });
      isTable = true;
    }
    head = cells;
  }
  return tables;
}

/** What stands in the first such column of the first such row; null when there is none. */
export function cellOf(tables: readonly ReadTable[], row: string, column: RegExp): number | null {
  for (const { head, rows } of tables) {
    const place = head.findIndex((cell) => column.test(cell));
    const cell = place === -1 ? undefined : rows.find(([name]) => name === row)?.[place];
    const value = Number.parseFloat(cell ?? "");
    if (!Number.isNaN(value)) return value;
  }
  return null;
}
