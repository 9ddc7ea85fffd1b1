/** A connection string as people and logs may see it: never the password. */

/**
 * Shows user, host, port and database of a Postgres URL, and nothing else of it: passwords and
 * keys may also stand among the parameters.
 */
export function describeConnection(connection: string): string {
  if (!URL.canParse(connection)) return "(a connection string that can't be read)";
  const url = new URL(connection);
  const host = url.host === "" ? (url.searchParams.get("host") ?? "") : url.host;
  const user = url.username === "" ? "" : `${url.username}@`;
  return `${url.protocol}//${user}${host}${url.pathname}`;
}
