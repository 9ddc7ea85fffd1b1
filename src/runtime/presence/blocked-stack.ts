/**
 * Where the main thread is, asked from another thread while it is blocked: by the inspector, which
 * interrupts JavaScript at its next loop or call and lets it go on at once. The debugger is on only
 * for that moment, since code runs slower under it.
 */

import type { Debugger } from "node:inspector";

const mostFrames = 8;

/**
 * The innermost frames, "work (file:///app/tasks/x.ts:12:5)"; null when the main thread can't be
 * interrupted within `limitMs`, as inside a native function, or a debugger is attached already.
 */
export async function blockedStack(limitMs: number): Promise<readonly string[] | null> {
  const inspector = await import("node:inspector");
  const session = new inspector.Session();
  const ignore = () => {};
  const urls = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;
  try {
    session.connectToMainThread();
    session.on("Debugger.scriptParsed", ({ params }) => urls.set(params.scriptId, params.url));
    const paused = new Promise<readonly Debugger.CallFrame[]>((resolve) => {
      session.once("Debugger.paused", ({ params }) => resolve(params.callFrames));
    });
    session.post("Debugger.enable", ignore);
    session.post("Debugger.pause", ignore);
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, limitMs, null);
    });
    const frames = await Promise.race([paused, late]);
    session.post("Debugger.resume", ignore);
    session.post("Debugger.disable", ignore);
    return frames === null ? null : frames.slice(0, mostFrames).map((frame) => show(frame, urls));
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    session.disconnect();
  }
}

function show(frame: Debugger.CallFrame, urls: ReadonlyMap<string, string>): string {
  const { functionName, location, url } = frame;
  const file = url === "" ? (urls.get(location.scriptId) ?? "") : url;
  const place = `${file}:${location.lineNumber + 1}:${(location.columnNumber ?? 0) + 1}`;
  return functionName === "" ? place : `${functionName} (${place})`;
}
