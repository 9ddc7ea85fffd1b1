/**
 * Puts plain jobs that are added one by one, by many callers at once, into few statements: those
 * of one turn of the event loop together, and those that come while a statement is under way into
 * the next. A caller that awaits each of its jobs waits no longer than by statements of its own.
 * Each job has its own result: one that the database refuses fails alone.
 */

import { errorChain, readProperty } from "../../core/error-chain.ts";
import type { PlainJob } from "../../store/plain-jobs.ts";

/** Adds all of the jobs or none; their ids, in the order given. */
export type AddAll = (jobs: readonly PlainJob[]) => Promise<readonly string[]>;

interface Waiting {
  readonly job: PlainJob;
  readonly added: (id: string) => void;
  readonly failed: (error: unknown) => void;
}

const mostJobs = 1000;
const mostCharacters = 1_000_000;

/** A statement that is held up, by somebody's lock, holds the others up for so long. */
const patienceMs = 10;
const mostStatements = 10;

export class CoalescedAdds {
  readonly #addAll: AddAll;
  #waiting: Waiting[] = [];
  #underWay = 0;
  #isTurnPlanned = false;
  #patience: NodeJS.Timeout | null = null;

  constructor(addAll: AddAll) {
    this.#addAll = addAll;
  }

  add(job: PlainJob): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#waiting.push({ job, added: resolve, failed: reject });
    this.#plan();
    return promise;
  }

  #plan(): void {
    if (this.#waiting.length === 0) return;
    if (this.#underWay === 0 || this.#waiting.length >= mostJobs) {
      if (this.#isTurnPlanned) return;
      this.#isTurnPlanned = true;
      process.nextTick(() => {
        this.#isTurnPlanned = false;
        this.#send();
      });
    } else {
      this.#patience ??= setTimeout(() => {
        this.#patience = null;
        this.#send();
      }, patienceMs);
    }
  }

  #send(): void {
    if (this.#waiting.length === 0 || this.#underWay >= mostStatements) return;
    if (this.#patience !== null) clearTimeout(this.#patience);
    this.#patience = null;
    const batch = this.#takeBatch();
    this.#underWay += 1;
    this.#addBatch(batch).finally(() => {
      this.#underWay -= 1;
      this.#send();
    });
    this.#plan();
  }

  #takeBatch(): Waiting[] {
    let characters = 0;
    const tooMany = this.#waiting.findIndex(({ job }, place) => {
      characters += job.payloadJson.length + job.kind.json.length;
      return place > 0 && (place >= mostJobs || characters > mostCharacters);
    });
    return this.#waiting.splice(0, tooMany === -1 ? this.#waiting.length : tooMany);
  }

  /** Never rejects. */
  async #addBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const ids = await this.#addAll(batch.map(({ job }) => job));
      for (const [place, { added, failed }] of batch.entries()) {
        const id = ids[place];
        if (id === undefined)
          failed(new Error("The statement that adds jobs returned too few ids"));
        else added(id);
      }
    } catch (error) {
      if (batch.length > 1 && isRefusal(error)) {
        const middle = batch.length >> 1;
        await this.#addBatch(batch.slice(0, middle));
        await this.#addBatch(batch.slice(middle));
      } else {
        for (const { failed } of batch) failed(error);
      }
    }
  }
}

/**
 * The database's word on what a job is: none of the batch has been added, and the others may be
 * all right. After a lost connection they may have been added, and without a permission or the
 * function (class 42) all would be refused alike: nothing is sent again then.
 */
function isRefusal(error: unknown): boolean {
  return errorChain(error).some((each) => /^(?:22|23|54|P0)/.test(codeOf(each)));
}

function codeOf(error: unknown): string {
  const code = readProperty(error, "code");
  return typeof code === "string" ? code : "";
}
