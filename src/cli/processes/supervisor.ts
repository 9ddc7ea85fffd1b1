/**
 * Keeps a number of child processes running: starts them, replaces those that end unasked, later
 * and later, replaces all one by one when asked, and ends them all. Runs no job; what the end of
 * a child means for its jobs is `rescue`'s.
 */

import type { Logger } from "../../core/logger.ts";
import type { OutcomeState } from "../../core/outcome.ts";
import type { DrainCounts } from "../../runtime/runtime.ts";
import { pause } from "../../store/transient.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { aborted, type StopRequests } from "../stop-signals.ts";
import type { Child, ChildEnd } from "./child.ts";
import type { Duties, Identity, ReportMessage } from "./messages.ts";
import { restartDelayMs, steadyMs } from "./restart-delay.ts";

export interface SupervisorOptions {
  readonly count: number;
  /** Children end by themselves when nothing is due any more. */
  readonly once: boolean;
  /** How long a child may take to end before it is killed. */
  readonly stopWithinMs: number;
  readonly signals: StopRequests;
  readonly logger: Logger;
  readonly spawn: (
    duties: Duties,
    onReport: (report: ReportMessage, child: Child) => void,
  ) => Child;
  /** Gives away what the child held; `onGivenAway` is told when the rest is a precaution. */
  readonly rescue: (identity: Identity, reason: string, onGivenAway: () => void) => Promise<void>;
}

/** A place that is always taken by one child. */
interface Seat {
  readonly leads: boolean;
  child: Child;
  /** Ends that nobody asked for, in a row. */
  crashes: number;
  /** Whether any child has ever worked here. */
  hasWorked: boolean;
}

/** With these it holds no job any more. */
const cleanEnds: readonly unknown[] = [exitCodes.ok, exitCodes.failed];
/** What a child says of a start that can't succeed, however often it is tried. */
const hopeless: readonly unknown[] = [exitCodes.usage, exitCodes.unavailable, exitCodes.config];
const nowWithinMs = 1_900;
/** So long a successor waits for it. */
const longestRescueMs = 1_000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #alive = new Set<Child>();
  readonly #buried = new WeakMap<Child, Promise<void>>();
  readonly #rescues = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #seats: readonly Seat[] = [];
  #restartAsked = false;
  #isRestarting = false;
  #exitCode: ExitCode = exitCodes.ok;
  readonly #drained: Partial<Record<OutcomeState, number>> = {};

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** With `once`: what all children together have done. */
  get drained(): Partial<DrainCounts> {
    return this.#drained;
  }

  /** Resolves when all have ended: told to, done (`once`), or again and again by themselves. */
  async run(): Promise<ExitCode> {
    const { count, signals } = this.#options;
    this.#seats = Array.from({ length: count }, (_, index) => {
      const leads = index === 0;
      const child = this.#spawn({ leads, greets: leads, replaces: false });
      return { leads, child, crashes: 0, hasWorked: false };
    });
    void aborted(signals.first).then(() => this.#stopAll(String(signals.first.reason)));
    void aborted(signals.second).then(() => this.#stopAllNow(String(signals.second.reason)));
    await Promise.all(this.#seats.map((seat) => this.#keep(seat)));
    const leaving = [...this.#alive].flatMap(({ ended, written }) => [ended, written]);
    await Promise.all([...leaving, ...this.#rescues]);
    return this.#exitCode;
  }

  /**
   * Replaces every child by a new one, which reads the files anew: one after the other, each
   * once its successor works. Goes on with the old ones when a successor doesn't start. Asked
   * again meanwhile, it does so once more: files may have changed since.
   */
  async restart(): Promise<void> {
    this.#restartAsked = true;
    if (this.#isRestarting) return;
    this.#isRestarting = true;
    while (this.#restartAsked && !this.#stopping.signal.aborted) {
      this.#restartAsked = false;
      const processes = this.#seats.length;
      this.#options.logger.info({ processes }, "replacing the processes one by one");
      for (const seat of this.#seats) if (!(await this.#replace(seat))) break;
    }
    this.#isRestarting = false;
  }

  async #replace(seat: Seat): Promise<boolean> {
    const { logger, stopWithinMs } = this.#options;
    if (this.#stopping.signal.aborted) return false;
    const next = this.#spawn({ leads: seat.leads, greets: seat.leads, replaces: true });
    await Promise.race([next.working, next.ended]);
    if (!next.hasWorked) {
      if (this.#stopping.signal.aborted) return false;
      logger.error({ pid: next.pid }, "the new process ended before it worked; the others go on");
      return false;
    }
    const old = seat.child;
    seat.child = next;
    seat.crashes = 0;
    old.stop("replaced", stopWithinMs);
    await old.ended;
    logger.info({ pid: next.pid, replaced: old.pid }, "a process was replaced");
    return true;
  }

  #spawn(duties: Duties): Child {
    const child = this.#options.spawn(duties, (report) => this.#hear(report, child));
    this.#alive.add(child);
    const ended = child.ended.then((end) => this.#bury(child, end));
    this.#buried.set(child, ended);
    return child;
  }

  #hear(report: ReportMessage, child: Child): void {
    if (report.kind === "ask") this.#options.signals.ask(report.name);
    if (report.kind !== "pause") return;
    for (const other of this.#alive) if (other !== child) other.pause(report.paused);
  }

  /**
   * Whatever it held is given away at once: nobody can be surer that it is dead. Resolves when
   * that is done, or takes too long to wait for.
   */
  async #bury(child: Child, end: ChildEnd): Promise<void> {
    this.#alive.delete(child);
    const { identity } = child;
    // It could not write down everything in time: what the whole command says then, too.
    const isLate = this.#stopping.signal.aborted && !cleanEnds.includes(end.code);
    if (isLate && this.#exitCode === exitCodes.ok) this.#exitCode = exitCodes.temporary;
    if (identity === null || cleanEnds.includes(end.code)) return;
    const { logger, rescue } = this.#options;
    const givenAway = Promise.withResolvers<void>();
    const reason = `process died (${identity.processId} ${describeEnd(end)})`;
    const rescued = rescue(identity, reason, givenAway.resolve)
      .catch((err) =>
        logger.warn({ err }, "could not give away the jobs of a dead process; the others will"),
      )
      .finally(() => this.#rescues.delete(rescued));
    this.#rescues.add(rescued);
    await Promise.race([givenAway.promise, rescued, pause(longestRescueMs)]);
  }

  /** Resolves when the seat stays empty. */
  async #keep(seat: Seat): Promise<void> {
    for (;;) {
      const { child } = seat;
      const end = await child.ended;
      // The start of a successor would take the processor from it.
      await this.#buried.get(child);
      if (seat.child !== child) continue;
      if (this.#stopping.signal.aborted || this.#isDone(child, end)) return;
      const delayMs = this.#delayAfter(seat, end);
      if (delayMs === null) return;
      await pause(delayMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      // A restart of all may have filled the seat meanwhile.
      if (seat.child !== child) continue;
      seat.child = this.#spawn({ leads: seat.leads, greets: false, replaces: true });
    }
  }

  #isDone({ drained }: Child, { code }: ChildEnd): boolean {
    if (!this.#options.once || drained === null) return false;
    // why: the record has exactly these keys
    for (const state of Object.keys(drained) as OutcomeState[]) {
      this.#drained[state] = (this.#drained[state] ?? 0) + drained[state];
    }
    if (code === exitCodes.failed) this.#exitCode = exitCodes.failed;
    return true;
  }

  /** Null when there is no use in another try. */
  #delayAfter(seat: Seat, end: ChildEnd): number | null {
    const { logger } = this.#options;
    const { code, signal, error } = end;
    seat.crashes = end.livedMs >= steadyMs ? 0 : seat.crashes;
    seat.crashes += 1;
    seat.hasWorked ||= seat.child.hasWorked;
    const noUse = !seat.hasWorked && hopeless.includes(code);
    const delayMs = noUse ? null : restartDelayMs(seat.crashes);
    const fields = { childPid: seat.child.pid, code, signal, crashes: seat.crashes, err: error };
    if (delayMs === null) {
      const said = noUse ? "a process can't start" : "a process ends again and again: giving up";
      logger.fatal(fields, said);
      const own = Object.values(exitCodes).find((each) => each === code);
      const isReason = own !== exitCodes.temporary && !cleanEnds.includes(own);
      const tells = own !== undefined && isReason;
      this.#exitCode = tells ? own : exitCodes.crashed;
      this.#stopAll("giving up");
    } else if (code === exitCodes.temporary) {
      logger.info({ ...fields, delayMs }, "a process asked for a successor");
    } else {
      logger.error({ ...fields, delayMs }, "a process ended unasked; another takes its place");
    }
    return delayMs;
  }

  #stopAll(by: string): void {
    this.#stopping.abort();
    for (const child of this.#alive) child.stop(by, this.#options.stopWithinMs);
  }

  #stopAllNow(by: string): void {
    for (const child of this.#alive) child.stopNow(by, nowWithinMs);
  }
}

/** "was killed by SIGKILL", "ended with code 3" */
function describeEnd({ code, signal }: ChildEnd): string {
  return signal === null ? `ended with code ${code}` : `was killed by ${signal}`;
}
