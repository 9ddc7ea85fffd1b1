/**
 * One value for the whole process, whichever copy of taskrun asks for it first: a task file may
 * import another copy than the process that runs it. Owns the place; refuses to know the values.
 */

/** `make` is called by the first to ask under this name. */
export function processWide<Value extends object>(name: string, make: () => Value): Value {
  const key = Symbol.for(`taskrun.${name}`);
  const known: unknown = Reflect.get(globalThis, key);
  // why: only this function writes under the key
  if (typeof known === "object" && known !== null) return known as Value;
  const value = make();
  Object.defineProperty(globalThis, key, { value });
  return value;
}
