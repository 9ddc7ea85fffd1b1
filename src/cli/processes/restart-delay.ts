/** How long to wait before a child process that has ended unasked gets a successor. */

/** A process that has worked this long begins a new count of crashes. */
export const steadyMs = 60_000;
const firstDelayMs = 200;
const mostInARow = 6;

/** `crashes` in a row, this one included. Null: no more. The first successor comes at once. */
export function restartDelayMs(crashes: number): number | null {
  if (crashes >= mostInARow) return null;
  return crashes <= 1 ? 0 : firstDelayMs * 2 ** (crashes - 2);
}
