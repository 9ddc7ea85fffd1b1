/** `taskrun top`: what happens now, drawn anew every second; one look where there is no terminal. */

import { loadConfig } from "../../config/load-config.ts";
import { type LiveSnapshot, LiveView } from "../../store/live-view.ts";
import { isTransient, pause } from "../../store/transient.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { Keys } from "../keys.ts";
import { print, printJson } from "../output.ts";
import { renderTop } from "../render-top.ts";
import { Screen } from "../screen.ts";
import { StopSignals } from "../stop-signals.ts";
import { withStore } from "../with-store.ts";

const betweenLooksMs = 1_000;
const paperColumns = 120;

export async function top(args: CommandArguments): Promise<ExitCode> {
  const { config } = await loadConfig(args.forConfig());
  await withStore(config, { migrate: false }, async ({ pool, schemas }) => {
    const view = new LiveView(pool, schemas);
    if (args.isSet("json")) printJson(await view.snapshot());
    else if (process.stdout.isTTY) await watch(view);
    else printOnce(await view.snapshot());
  });
  return exitCodes.ok;
}

function printOnce(snapshot: LiveSnapshot): void {
  const size = { columns: paperColumns, rows: Number.POSITIVE_INFINITY };
  for (const { text } of renderTop(snapshot, size)) print(text);
}

async function watch(view: LiveView): Promise<void> {
  const signals = new StopSignals();
  const screen = new Screen(process.stdout);
  const quit = (name: string) => () => signals.ask(name);
  const keys = new Keys({
    input: process.stdin,
    output: process.stderr,
    actions: [{ key: "q", sentence: "quit", act: quit("q") }],
    onInterrupt: quit("Ctrl-C"),
    onError: () => {},
  });
  // Looked at first: a database without our tables is told on the screen as it was.
  let snapshot = await view.snapshot();
  let note = "q quits";
  const draw = (): void => {
    const { columns, rows } = screen.size;
    const lines = renderTop(snapshot, { columns, rows: rows - 1 });
    screen.draw([...lines, { text: note, style: "title" }]);
  };
  signals.start();
  if (process.stdin.isTTY) keys.start();
  screen.open(draw);
  try {
    for (;;) {
      draw();
      await pause(betweenLooksMs, signals.first);
      if (signals.first.aborted) return;
      try {
        snapshot = await view.snapshot();
        note = "q quits";
      } catch (error) {
        if (!isTransient(error)) throw error;
        note = "the database doesn't answer; q quits";
      }
    }
  } finally {
    screen.close();
    keys.stop();
    signals.stop();
  }
}
