/** Amounts of memory as people write them: "256MB", "1.5GB". */

/** "64KB", "256MB", "1GB" (1024 each), or a number of bytes. */
export type ByteSize = string | number;

const units: Readonly<Record<string, number>> = { KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 };

/** Bytes; null for what is no amount. */
export function parseByteSize(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? value : null;
  const parts = typeof value === "string" ? /^(\d+(?:\.\d+)?)\s?(KB|MB|GB)$/i.exec(value) : null;
  if (parts === null) return null;
  return Number(parts[1]) * (units[(parts[2] ?? "").toUpperCase()] ?? Number.NaN);
}
