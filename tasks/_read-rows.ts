/**
 * Rows, and how to read them from a JSON or CSV file beneath `DATA_ROOT` (default: the
 * project's `data` folder). Refuses any other place: a payload can't ask for secrets.
 */

import { readFile, realpath, stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { PermanentError } from "taskrun";
import { z } from "zod";

const maxFileBytes = 50 * 1024 * 1024;

export const cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const row = z.record(z.string(), cell);
export type Cell = z.output<typeof cell>;
export type Row = z.output<typeof row>;
// A bare number is a row with one field, "value".
export const rows = z.array(
  z.union([row, z.number().transform((value): Row => ({ value }))], {
    error: "give a number, or an object of texts, numbers, booleans and nulls",
  }),
);

/** @throws PermanentError when it isn't there, isn't allowed or isn't rows. */
export async function readRows(name: string): Promise<Row[]> {
  const folder = await realpath(process.env.DATA_ROOT ?? "data").catch(unreadable);
  const file = await realpath(resolve(folder, name)).catch(unreadable);
  if (!file.startsWith(folder + sep)) {
    throw new PermanentError(`${name} is outside ${folder}; set DATA_ROOT to allow another folder`);
  }
  const { size } = await stat(file);
  if (size > maxFileBytes) throw new PermanentError(`${name} has more than ${maxFileBytes} bytes`);
  const text = await readFile(file, "utf8");
  try {
    return rows.parse(file.endsWith(".csv") ? parseCsv(text) : JSON.parse(text));
  } catch (error) {
    // The first fault only: a file with the wrong columns has one in every row.
    const fault = error instanceof z.ZodError ? error.issues[0] : undefined;
    const reason = fault ? [...fault.path, fault.message].join(": ") : String(error);
    throw new PermanentError(`${name} can't be read as rows: ${reason}`, { cause: error });
  }
}

function unreadable(error: unknown): never {
  throw new PermanentError(`can't be read: ${error}`, { cause: error });
}

/** As RFC 4180 has it; the first line names the columns. Refuses ragged rows. */
function parseCsv(text: string): Record<string, string>[] {
  const [header, ...lines] = readLines(text.replace(/^\uFEFF/, ""));
  if (header === undefined) return [];
  return lines.map((cells, index) => {
    if (cells.length !== header.length) {
      throw new Error(
        `CSV row ${index + 2} has ${cells.length} cells where the header has ${header.length}`,
      );
    }
    return Object.fromEntries(header.map((name, column) => [name, cells[column] ?? ""]));
  });
}

function readLines(text: string): string[][] {
  const lines: string[][] = [];
  let cells: string[] = [];
  // Sticky: what the expression can't take at its place is a fault, not something to skip.
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  while (cell.lastIndex < text.length) {
    const start = cell.lastIndex;
    const match = cell.exec(text);
    if (match === null) {
      throw new Error(`CSV row ${lines.length + 1}: a stray quote at character ${start + 1}`);
    }
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === ",") {
      // A line that ends the text with a comma has one more, empty cell.
      if (cell.lastIndex === text.length) cells.push("");
      else continue;
    }
    // An empty line is no row.
    if (cells.length > 1 || cells[0] !== "") lines.push(cells);
    cells = [];
  }
  return lines;
}
