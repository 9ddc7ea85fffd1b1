/** How far a zone's wall clocks are from UTC at a given moment. Owns nothing that lives on. */

export interface TimeZone {
  /** As it was asked for: "Europe/Paris". */
  readonly name: string;
  /** What to add to the moment to get the zone's wall clock, read as if it were UTC. */
  offsetMsAt(utcMs: number): number;
}

export const utc: TimeZone = { name: "UTC", offsetMsAt: () => 0 };

/**
 * A zone by its IANA name, or a fixed offset like "+02:00".
 *
 * @throws RangeError when this Node knows no such zone.
 */
export function timeZone(name: string): TimeZone {
  if (name === utc.name) return utc;
  const wallClock = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });
  return {
    name,
    offsetMsAt(utcMs) {
      const parts = wallClock.format(utcMs).match(/\d+/g)?.map(Number) ?? [];
      const [month = 1, date = 1, year = 1970, hour = 0, minute = 0] = parts;
      return Date.UTC(year, month - 1, date, hour, minute) - Math.floor(utcMs / 60_000) * 60_000;
    },
  };
}
