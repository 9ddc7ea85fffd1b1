/**
 * The secrets of one attempt: takes them out of whatever the attempt leaves behind. Made for
 * tasks that have some only.
 */

import type { Progress } from "./context.ts";
import type { Job } from "./job.ts";
import { maskAt, SecretTexts, textsAt } from "./mask.ts";
import type { Failure, Outcome } from "./outcome.ts";
import { SecretSeal } from "./secret-seal.ts";
import type { TaskSecrets } from "./task.ts";

export class AttemptSecrets {
  /** What is secret in the payload and the metadata, wherever it turns up. */
  readonly texts: SecretTexts;
  /** For the results of steps; null for a batch, whose entries change places between attempts. */
  readonly seal: SecretSeal | null;
  readonly #paths: TaskSecrets;

  constructor(paths: TaskSecrets, { payload, metadata }: Pick<Job, "payload" | "metadata">) {
    this.#paths = paths;
    const inPayload = textsAt(payload, paths.payload);
    this.texts = new SecretTexts([...inPayload, ...textsAt(metadata, paths.payload)]);
    this.seal = Array.isArray(payload) ? null : new SecretSeal(inPayload);
  }

  maskFailure(failure: Failure): Failure {
    const { name, message, stack } = failure;
    return {
      ...failure,
      name: this.texts.mask(name),
      message: this.texts.mask(message),
      stack: stack === null ? null : this.texts.mask(stack),
    };
  }

  maskOutcome(outcome: Outcome): Outcome {
    if (outcome.state === "completed") {
      const { outputJson } = outcome;
      return outputJson === null
        ? outcome
        : { ...outcome, outputJson: this.maskOutput(outputJson) };
    }
    if ("error" in outcome) return { ...outcome, error: this.maskFailure(outcome.error) };
    if (!("reason" in outcome) || outcome.reason === null) return outcome;
    return { ...outcome, reason: this.texts.mask(outcome.reason) };
  }

  maskProgress(progress: Progress): Progress {
    const { message } = progress;
    return message === null ? progress : { ...progress, message: this.texts.mask(message) };
  }

  maskOutput(json: string): string {
    const output: unknown = JSON.parse(json);
    return JSON.stringify(this.texts.maskValue(maskAt(output, this.#paths.output)));
  }
}
