/**
 * Makes the logger of a process: JSON lines for machines, pretty lines on a terminal. Owns form,
 * level and redaction; what is said is the concern of those who log.
 *
 * Lines are written at once, not by a thread: nothing is lost when the process ends.
 */

import { type DestinationStream, type LoggerOptions, pino } from "pino";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { TaskrunError } from "../core/errors.ts";
import { lineMasker } from "../core/line-masker.ts";
import { logRedaction } from "../core/log-redaction.ts";
import type { Logger } from "../core/logger.ts";
import { controlsAsText } from "../core/printable.ts";
import { maskedText } from "../core/secret.ts";

/** How the process's own log is written. */
export interface ThreadLog extends Pick<ResolvedConfig, "logLevel" | "logFormat" | "redact"> {
  readonly fd: number;
}

export interface CreateLoggerOptions {
  readonly config: Pick<ResolvedConfig, "logLevel" | "logFormat" | "redact">;
  /**
   * `run` logs to stdout: the lines are what it produces, so `taskrun | jq` works. Commands that
   * print data log to stderr.
   */
  readonly stream: NodeJS.WriteStream & { readonly fd: number };
  /** Pretty lines say which process wrote them, as JSON lines always do. Default false. */
  readonly showPid?: boolean;
}

/** How a thread of the process writes into the same log, when the main thread can't. */
export function threadLogOf(config: CreateLoggerOptions["config"]): ThreadLog {
  const { logLevel, redact } = config;
  return {
    logLevel,
    redact,
    logFormat: isPretty(config, process.stdout) ? "pretty" : "json",
    fd: 1,
  };
}

function isPretty(
  { logFormat }: CreateLoggerOptions["config"],
  { isTTY }: { readonly isTTY?: boolean },
): boolean {
  return logFormat === "pretty" || (logFormat === "auto" && isTTY === true);
}

/** @throws TaskrunError `bad-config` when `redact` has a path that pino can't read. */
export async function createLogger(given: CreateLoggerOptions): Promise<Logger> {
  const { config, stream, showPid = false } = given;
  const { paths, keys } = logRedaction(config.redact);
  const options: LoggerOptions = {
    level: config.logLevel,
    redact: { paths, censor: maskedText },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  // Not the stream's own `write`: what it holds back when a pipe is full is gone at an exit.
  const lines = pino.destination({ fd: stream.fd, sync: true });
  const pretty = isPretty(config, stream);
  const destination = pretty ? await prettyDestination(stream, lines, showPid) : lines;
  const mask = lineMasker(keys);
  try {
    return pino(options, { write: (line) => destination.write(mask(line)) });
  } catch (cause) {
    throw new TaskrunError("bad-config", `redact: ${String(cause)}`, { cause });
  }
}

async function prettyDestination(
  stream: NodeJS.WriteStream,
  lines: DestinationStream,
  showPid: boolean,
): Promise<DestinationStream> {
  // Loaded only here: a process in production never needs it.
  const { prettyFactory } = await import("pino-pretty");
  const pretty = prettyFactory({
    colorize: stream.isTTY === true && stream.hasColors(),
    singleLine: true,
    ignore: showPid ? "hostname" : "pid,hostname",
    translateTime: "SYS:HH:MM:ss.l",
  });
  return { write: (line) => lines.write(pretty(controlsAsText(line))) };
}
