/** Walks from an error through its causes, whatever was thrown: never throws, always ends. */

const longest = 20;

/** What was thrown, then its `cause`, then that one's, each once, at most twenty. */
export function errorChain(thrown: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  let current = thrown;
  while (chain.length < longest && !chain.includes(current)) {
    chain.push(current);
    const cause = readProperty(current, "cause");
    if (cause === undefined || cause === null) break;
    current = cause;
  }
  return chain;
}

/** A property of any value; undefined when there is none or its getter throws. */
export function readProperty(value: unknown, key: PropertyKey): unknown {
  if (value === null || (typeof value !== "object" && typeof value !== "function"))
    return undefined;
  try {
    return Reflect.get(value, key);
  } catch {
    return undefined;
  }
}
