/** Durations for people to read at a glance: two units at most, never more exact than needed. */

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** 45 is "45ms", 4321 is "4.3s", 95000 is "1m 35s", 90061000 is "1d 1h". Signs are left out. */
export function roughDuration(ms: number): string {
  const wholeMs = Math.abs(ms);
  if (wholeMs < 999.5) return `${Math.round(wholeMs)}ms`;
  if (wholeMs < 9_950) return `${(wholeMs / 1000).toFixed(1).replace(/\.0$/, "")}s`;
  // Rounded first: else 119.9 s would be "1m 60s".
  let restMs = Math.round(wholeMs / 1000) * 1000;
  const parts: string[] = [];
  for (const [index, [unit, size]] of units.entries()) {
    const amount = Math.floor(restMs / size);
    restMs -= amount * size;
    if (amount > 0) parts.push(`${amount}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2 || index === units.length - 1) break;
  }
  return parts.join(" ");
}
