/** How numbers, durations and moments are written on this page. Pure. */

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** "340 ms", "4.2 s", "3 m 20 s", "2 h 5 m", "3 d 4 h"; "–" for none. */
export function formatMs(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  const whole = Math.max(0, ms);
  if (whole < second) return `${Math.round(whole)} ms`;
  if (whole < 10 * second) return `${trimmed(whole / second)} s`;
  if (whole < minute) return `${Math.floor(whole / second)} s`;
  if (whole < hour) return pair(whole, minute, "m", second, "s");
  if (whole < day) return pair(whole, hour, "h", minute, "m");
  return pair(whole, day, "d", hour, "h");
}

/** "just now", "12 s ago", "in 5 m"; "–" for none. */
export function formatAgo(moment: string | null | undefined, nowMs: number): string {
  const at = momentMs(moment);
  if (at === null) return "–";
  const distance = nowMs - at;
  if (Math.abs(distance) < 2 * second) return "just now";
  const [rough = ""] = /^[\d.]+ [a-z]+/.exec(formatMs(roughly(Math.abs(distance)))) ?? [];
  return distance > 0 ? `${rough} ago` : `in ${rough}`;
}

/** Of this machine's clock and language, to the second. */
export function formatMoment(moment: string | null | undefined): string {
  const at = momentMs(moment);
  if (at === null) return "–";
  return new Date(at).toLocaleString(undefined, {
    dateStyle: "medium",
    timeStyle: "medium",
  });
}

export function formatCount(count: number | null | undefined): string {
  if (count === null || count === undefined || !Number.isFinite(count)) return "–";
  return count.toLocaleString("en-US");
}

/** "12 k", "3.4 M": where there is little room. */
export function formatShortCount(count: number): string {
  if (count < 10_000) return formatCount(count);
  if (count < 1_000_000) return `${trimmed(count / 1_000)} k`;
  return `${trimmed(count / 1_000_000)} M`;
}

export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return "–";
  const megabytes = bytes / 1_048_576;
  return megabytes < 1_024 ? `${Math.round(megabytes)} MB` : `${trimmed(megabytes / 1_024)} GB`;
}

/** "1 job", "12 jobs" */
export function formatJobs(count: number): string {
  return `${formatCount(count)} ${count === 1 ? "job" : "jobs"}`;
}

/** Null for what is no moment. */
export function momentMs(moment: string | null | undefined): number | null {
  const ms = Date.parse(moment ?? "");
  return Number.isNaN(ms) ? null : ms;
}

function roughly(ms: number): number {
  return ms < second ? second : Math.floor(ms / second) * second;
}

function trimmed(value: number): string {
  return value.toFixed(1).replace(/\.0$/, "");
}

function pair(ms: number, big: number, bigName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % big) / small);
  const first = `${Math.floor(ms / big)} ${bigName}`;
  return rest === 0 ? first : `${first} ${rest} ${smallName}`;
}
