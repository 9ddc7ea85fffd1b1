/**
 * `secret(schema)`: marks a part of a payload or an output as not for anybody's eyes. Owns the
 * mark; who finds it is `find-secret-paths`, what is done about it `mask`.
 */

/** What stands where a secret was. */
export const maskedText = "[secret]";

/** In the schema's metadata, and so in its JSON Schema: the second is what OpenAPI knows. */
const mark = { "x-taskrun-secret": true, writeOnly: true } as const;

/** A schema that can carry metadata: one of zod 4. */
interface Describable {
  meta(): object | undefined;
  meta(metadata: object): unknown;
}

/**
 * Marks what this schema describes as secret: shown as `[secret]` in lists, history, logs and
 * error texts. The handler gets the value as it is.
 *
 * @example
 * payload: z.object({ url: z.url(), apiKey: secret(z.string()) })
 *
 * @throws TypeError for a schema that can't carry the mark; name its place in the task's `redact`
 */
export function secret<Schema extends object>(schema: Schema): Schema {
  if (!isDescribable(schema)) {
    throw new TypeError(
      'secret() takes a schema of zod 4. For others name the place: redact: ["$.apiKey"]',
    );
  }
  return schema.meta({ ...schema.meta(), ...mark }) as Schema; // why: zod's meta() gives the like
}

function isDescribable(schema: object): schema is Describable {
  return "_zod" in schema && "meta" in schema && typeof schema.meta === "function";
}

/** Whether metadata, or a JSON Schema, carries the mark; `writeOnly` alone will do. */
export function isMarked(metadata: unknown): boolean {
  if (typeof metadata !== "object" || metadata === null) return false;
  return Reflect.get(metadata, "x-taskrun-secret") === true || isWriteOnly(metadata);
}

function isWriteOnly(metadata: object): boolean {
  return Reflect.get(metadata, "writeOnly") === true;
}
