/**
 * Which screen is shown, as the part of the address behind "#": it works beneath any path prefix
 * and is kept by the browser's history. Pure: texts in, values out.
 */

export const screens = [
  "overview",
  "jobs",
  "job",
  "tasks",
  "task",
  "add",
  "crontab",
  "errors",
  "processes",
] as const;

export type Screen = (typeof screens)[number];

export interface Route {
  readonly screen: Screen | "unknown";
  /** Of a job, or the name of a task; "" for the others. */
  readonly id: string;
  readonly params: URLSearchParams;
}

const withId: ReadonlySet<string> = new Set(["job", "task", "add"]);

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split(/\?(.*)/s);
  const params = new URLSearchParams(query);
  const [name = "", id = ""] = path.split(/\/(.*)/s).map(decoded);
  const screen = screens.find((one) => one === (name === "" ? "overview" : name));
  if (screen === undefined || withId.has(screen) !== (id !== "")) {
    return { screen: "unknown", id: path, params };
  }
  return { screen, id, params };
}

export type Params = Readonly<Record<string, string | readonly string[] | null | undefined>>;

/** `href("job", "17")` is "#/job/17". */
export function href(screen: Screen, id = "", params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    const values = typeof value === "object" && value !== null ? value : [value];
    for (const one of values) if (one) query.append(name, one);
  }
  const path = id === "" ? `#/${screen}` : `#/${screen}/${encodeURIComponent(id)}`;
  return query.size === 0 ? path : `${path}?${query}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
