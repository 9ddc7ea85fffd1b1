/** How a report looks as CSV and as HTML. Owns every rule of quoting; writes nothing. */

/** As Postgres writes the values in text; null is SQL's null. */
export type Cells = readonly (string | null)[];

export interface ReportFormat {
  begin(title: string, columns: readonly string[]): string;
  row(cells: Cells): string;
  end(): string;
}

export const reportFormats: Readonly<Record<"csv" | "html", ReportFormat>> = {
  csv: {
    begin: (_title, columns) => csvLine(columns),
    row: csvLine,
    end: () => "",
  },
  html: {
    begin: (title, columns) =>
      `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n` +
      `<title>${escapeHtml(title)}</title>\n` +
      `<style>body{font:14px sans-serif}td,th{padding:.2em .6em;text-align:left}</style>\n` +
      `<h1>${escapeHtml(title)}</h1>\n<table>\n` +
      `<tr>${columns.map((name) => `<th>${escapeHtml(name)}</th>`).join("")}</tr>\n`,
    row: (cells) =>
      `<tr>${cells.map((cell) => `<td>${escapeHtml(cell ?? "")}</td>`).join("")}</tr>\n`,
    end: () => "</table>\n</html>\n",
  },
};

function csvLine(cells: Cells): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

/** RFC 4180; null is an empty cell, an empty string a quoted one. */
function csvCell(cell: string | null): string {
  if (cell === null) return "";
  // A spreadsheet runs a cell that begins like a formula, whoever typed it into the database.
  const isNumber = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(cell);
  const safe = /^[=+\-@\t\r\n]/.test(cell) && !isNumber ? `'${cell}` : cell;
  return safe === "" || /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
