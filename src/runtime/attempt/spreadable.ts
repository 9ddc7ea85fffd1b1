/**
 * Lets `{ ...helpers, query: mine }` work on a context. graphile-worker's helpers are a plain
 * object, so its handlers may spread them; ours makes its parts on first use, by getters that
 * a spread would not see.
 */

/**
 * The same object, whose inherited getters count as its own enumerable properties and whose
 * fields named in `hidden` don't.
 */
export function spreadable<T extends object>(prototype: T, hidden: readonly string[]) {
  const getters = Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([, descriptor]) => descriptor.get !== undefined)
    .map(([name]) => name);
  const shown: ReadonlySet<string | symbol> = new Set(getters);
  const unseen: ReadonlySet<string | symbol> = new Set([...hidden, ...getters]);
  const handler: ProxyHandler<T> = {
    ownKeys: (target) => [...shown, ...Reflect.ownKeys(target).filter((key) => !unseen.has(key))],
    getOwnPropertyDescriptor: (target, key) =>
      shown.has(key)
        ? { get: () => Reflect.get(target, key), enumerable: true, configurable: true }
        : Reflect.getOwnPropertyDescriptor(target, key),
  };
  return (target: T): T => new Proxy(target, handler);
}
