/** Cuts a crontab line into its parts and says in which column each begins. Judges nothing. */

/** A piece of a line; columns are 1-based. */
export interface LinePart {
  readonly text: string;
  readonly column: number;
}

export interface LineParts {
  /** Minute, hour, day of month, month, day of week. */
  readonly fields: readonly LinePart[];
  readonly task: LinePart;
  /** What follows the "?", cut at each "&". */
  readonly options: readonly LinePart[];
  /** The rest of the line. */
  readonly payload: LinePart | null;
}

const shape = /^\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+\?(\S*))?(?:\s+(\S.*))?$/ds;

/** Null when the line has fewer than five fields and a task. */
export function splitLine(line: string): LineParts | null {
  const found = shape.exec(line.trimEnd());
  if (found === null) return null;
  const part = (group: number): LinePart | null => {
    const text = found[group];
    const start = found.indices?.[group]?.[0];
    return text === undefined || start === undefined ? null : { text, column: start + 1 };
  };
  const task = part(6);
  if (task === null) return null;
  return {
    fields: [1, 2, 3, 4, 5].flatMap((group) => part(group) ?? []),
    task,
    options: splitOptions(part(7)),
    payload: part(8),
  };
}

function splitOptions(all: LinePart | null): LinePart[] {
  if (all === null) return [];
  let column = all.column;
  return all.text.split("&").flatMap((text) => {
    const option = { text, column };
    column += text.length + 1;
    return text === "" ? [] : [option];
  });
}
