/**
 * Puts the configuration together: flag over environment over `.env` over file over default.
 * The only reader of `process.env`. Every value keeps its source, and all that is wrong is told
 * in one error.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import { parseEnv } from "node:util";
import { closestName } from "../core/closest-name.ts";
import { type CheckedOptions, checkOption, unknownKey } from "./check-option.ts";
import { ConfigError, type ConfigProblem } from "./config-error.ts";
import { type ConfigFile, problemInFile, readConfigFile } from "./read-config-file.ts";
import type { ResolvedConfig } from "./resolved-config.ts";
import { environmentName, flagName, type OptionName, optionNames, optionSpec } from "./schema.ts";

export interface LoadConfigOptions {
  /** Where to look for the project. Default: the current folder. */
  readonly folder?: string;
  /** The config file's path; its folder is then the project's. Default: the one in `folder`. */
  readonly configFile?: string | undefined;
  /** By option name, as typed: text, a list of texts when a flag was repeated, or a boolean. */
  readonly flags?: Readonly<Partial<Record<OptionName, unknown>>>;
  /** Gets what `.env` adds, so that handlers see it too. Default: `process.env`. */
  readonly environment?: Record<string, string | undefined>;
  /** Leaves the environment as it is: what `.env` says holds for the configuration alone. */
  readonly keepEnvironment?: boolean;
  /** Replaces what an earlier load took from `.env` by what is in it now, if this one succeeds. */
  readonly previous?: LoadedConfig;
  /** Put behind the config file's URL, so that Node imports it once more. Default: nothing. */
  readonly importQuery?: string;
}

export interface LoadedConfig {
  readonly config: ResolvedConfig;
  /** Who set each option: "--concurrency", "TASKRUN_CONCURRENCY", "worker.config.ts", "default". */
  readonly sources: Readonly<Record<OptionName, string>>;
  /** What was added to the environment. */
  readonly dotEnv: Readonly<Record<string, string>>;
}

/** @throws ConfigError that names every wrong value, where it is and what was expected. */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<LoadedConfig> {
  const folder = path.resolve(options.folder ?? ".");
  const named = options.configFile === undefined ? null : path.resolve(folder, options.configFile);
  const projectDir = named === null ? folder : path.dirname(named);
  const given = options.environment ?? process.env;
  const environment = options.keepEnvironment === true ? { ...given } : given;
  const before = options.previous?.dotEnv ?? {};
  const dotEnv = replaceDotEnv(path.join(projectDir, ".env"), environment, before);
  try {
    const file = await readConfigFile(projectDir, named, options.importQuery);
    return resolve({ options, folder, projectDir, environment, dotEnv, file });
  } catch (error) {
    if (options.previous !== undefined) exchange(environment, dotEnv, before);
    throw error;
  }
}

interface Given {
  readonly options: LoadConfigOptions;
  readonly folder: string;
  readonly projectDir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly dotEnv: Readonly<Record<string, string>>;
  readonly file: ConfigFile | null;
}

function resolve({ options, folder, projectDir, environment, dotEnv, file }: Given): LoadedConfig {
  const fromDotEnv = new Set(Object.keys(dotEnv));
  const problems: ConfigProblem[] = [
    ...unknownInFile(file),
    ...mistypedInEnvironment(environment, fromDotEnv),
  ];
  const sources: Partial<Record<OptionName, string>> = {};
  const check = <Name extends OptionName>(name: Name): CheckedOptions[Name] => {
    const found = findValue(name, { flags: options.flags ?? {}, environment, fromDotEnv, file });
    sources[name] = found.source;
    const checked = checkOption(name, found.value);
    if (checked.ok) return checked.value;
    problems.push(...checked.faults.map((fault) => locate(fault, found, file)));
    // why: the value is never read, since a problem ends in the throw below
    return undefined as never;
  };
  const checked = checkAll(check);
  if (problems.length > 0) throw new ConfigError(problems);
  const base = (name: OptionName) => (sources[name]?.startsWith("--") ? folder : projectDir);
  const config: ResolvedConfig = {
    ...checked,
    projectDir,
    configFile: file?.file ?? null,
    tasks: path.resolve(base("tasks"), checked.tasks),
    crontab: checked.crontab !== false && path.resolve(base("crontab"), checked.crontab),
    dataDir: path.resolve(base("dataDir"), checked.dataDir),
  };
  // why: checkAll has asked for every name
  return { config, sources: sources as Record<OptionName, string>, dotEnv };
}

type Checker = <Name extends OptionName>(name: Name) => CheckedOptions[Name];

function checkAll(check: Checker) {
  return {
    connection: check("connection"),
    schema: check("schema"),
    tasks: check("tasks"),
    crontab: check("crontab"),
    concurrency: check("concurrency"),
    processes: check("processes"),
    maxRssMb: check("maxRss"),
    pollIntervalMs: check("pollInterval"),
    shutdownGraceMs: check("shutdownGrace"),
    shutdownDeadlineMs: check("shutdownDeadline"),
    timeoutGraceMs: check("timeoutGrace"),
    heartbeatIntervalMs: check("heartbeatInterval"),
    maxBlockMs: check("maxBlock"),
    importTimeoutMs: check("importTimeout"),
    warmStart: check("warmStart"),
    handlerPoolSize: check("handlerPoolSize"),
    logLevel: check("logLevel"),
    logFormat: check("logFormat"),
    redact: check("redact"),
    logPayloads: check("logPayloads"),
    keepLogs: check("keepLogs"),
    dataDir: check("dataDir"),
    httpPort: check("httpPort"),
    httpHost: check("httpHost"),
    httpPrefix: check("httpPrefix"),
    httpTrustProxy: check("httpTrustProxy"),
    httpCorsOrigins: check("httpCorsOrigins"),
    httpEnqueueRate: check("httpEnqueueRate"),
    defaults: check("defaults"),
    middleware: check("middleware"),
    plugins: check("plugins"),
    classify: check("classify"),
  };
}

interface Places {
  readonly flags: Readonly<Partial<Record<OptionName, unknown>>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly fromDotEnv: ReadonlySet<string>;
  readonly file: ConfigFile | null;
}

interface Found {
  readonly value: unknown;
  readonly source: string;
  readonly inFile: boolean;
}

function findValue(name: OptionName, places: Places): Found {
  const flag = places.flags[name];
  if (flag !== undefined) {
    return { value: fromText(name, flag), source: `--${flagName(name)}`, inFile: false };
  }
  const variable = environmentName(name);
  const text = variable === null ? undefined : places.environment[variable];
  // An empty variable counts as not set: that is what `NAME=${NAME:-}` in a compose file makes.
  if (variable !== null && text !== undefined && text !== "") {
    const source = places.fromDotEnv.has(variable) ? `${variable} in .env` : variable;
    return { value: fromText(name, text), source, inFile: false };
  }
  const written = places.file?.values[name];
  if (places.file !== null && written !== undefined) {
    return { value: written, source: path.basename(places.file.file), inFile: true };
  }
  return { value: optionSpec(name).default, source: "default", inFile: false };
}

/** Text that doesn't read as the option's kind is left as it is, for the check to refuse. */
function fromText(name: OptionName, given: unknown): unknown {
  const kind = optionSpec(name).kind;
  if (kind === "list") {
    const parts = Array.isArray(given) ? given : [given];
    return parts.flatMap((part) => String(part).split(",")).map((part) => part.trim());
  }
  if (typeof given !== "string") return given;
  const text = given.trim();
  if (kind === "integer" && /^[+-]?\d+$/.test(text)) return Number(text);
  if (kind === "duration" && /^\d+$/.test(text)) return Number(text);
  if (kind === "boolean" && /^(true|1|yes|on)$/i.test(text)) return true;
  if (kind === "boolean" && /^(false|0|no|off)$/i.test(text)) return false;
  return text;
}

function locate(
  fault: { option: string; reason: string; fix: string | null },
  found: Found,
  file: ConfigFile | null,
): ConfigProblem {
  if (found.inFile && file !== null) return problemInFile(file.file, fault);
  return { ...fault, where: found.source, file: null, line: null, column: null };
}

function unknownInFile(file: ConfigFile | null): ConfigProblem[] {
  if (file === null) return [];
  const known: readonly string[] = optionNames;
  return Object.keys(file.values)
    .filter((key) => !known.includes(key))
    .map((key) => problemInFile(file.file, unknownKey(key, key, known)));
}

/**
 * Refuses TASKRUN_… names that are nearly an option's. Others pass: an orchestrator may set
 * names of its own with our prefix (Kubernetes does, for a service called "taskrun").
 */
function mistypedInEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  fromDotEnv: ReadonlySet<string>,
): ConfigProblem[] {
  const known = optionNames.map(environmentName).filter((name) => name !== null);
  const suffixes = new Map(known.map((name) => [name.replace(/^TASKRUN_/, ""), name]));
  return Object.keys(environment).flatMap((name) => {
    if (!name.startsWith("TASKRUN_") || known.includes(name)) return [];
    const meant = closestName(name.slice("TASKRUN_".length), suffixes.keys());
    if (meant === null) return [];
    return [
      {
        option: name,
        where: fromDotEnv.has(name) ? `${name} in .env` : name,
        reason: "unknown option",
        fix: `Did you mean ${suffixes.get(meant)}?`,
        file: null,
        line: null,
        column: null,
      },
    ];
  });
}

/** The environment as it was before the load: for child processes that read `.env` themselves. */
export function environmentWithoutDotEnv({ dotEnv }: LoadedConfig): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !(name in dotEnv)));
}

/** Another one in each shell, or at each start of a service. */
const passingNames =
  /^(_|SHLVL|(OLD)?PWD|TERM.*|COLUMNS|LINES|WINDOWID|(SSH|LISTEN|WATCHDOG|MEMORY_PRESSURE|npm)_.*|XDG_SESSION_ID|INIT_CWD|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_EXEC_PID|NOTIFY_SOCKET)$/;

/** The environment, as one text: the same for starts to which it means the same. */
export function environmentText(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const lasting = Object.entries(environment).filter(([name]) => !passingNames.test(name));
  return JSON.stringify(lasting.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Adds what the file has and `environment` hasn't of its own; returns what was added. */
function replaceDotEnv(
  file: string,
  environment: Record<string, string | undefined>,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const added: Record<string, string> = {};
  for (const [name, value] of Object.entries(readDotEnv(file))) {
    const isFree = environment[name] === undefined || name in before;
    if (value !== undefined && isFree) added[name] = value;
  }
  exchange(environment, before, added);
  return added;
}

function exchange(
  environment: Record<string, string | undefined>,
  out: Readonly<Record<string, string>>,
  into: Readonly<Record<string, string>>,
): void {
  for (const name of Object.keys(out)) delete environment[name];
  Object.assign(environment, into);
}

function readDotEnv(file: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(file, "utf8"));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "EISDIR") return {};
    throw new ConfigError([
      {
        option: null,
        where: file,
        reason: `the file can't be read (${String(code)})`,
        fix: "Make it readable, or remove it.",
        file,
        line: null,
        column: null,
      },
    ]);
  }
}
