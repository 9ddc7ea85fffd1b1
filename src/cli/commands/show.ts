/** `taskrun show <id>`: one job with all that happened to it. */

import { loadConfig } from "../../config/load-config.ts";
import { type JobStory, readJobStory } from "../../store/job-story.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { describeJob } from "../describe-job.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { jobId, noSuchJob } from "../job-id.ts";
import { colour, print, printJson } from "../output.ts";
import { withStore } from "../with-store.ts";

const titleWidth = 14;

export async function show(args: CommandArguments): Promise<ExitCode> {
  const id = jobId(args);
  const logLines = args.wholeNumber("logs", { min: 0, max: 100_000 }) ?? 20;
  const { config } = await loadConfig(args.forConfig());
  const story = await withStore(config, { migrate: false }, ({ pool, schemas }) =>
    readJobStory(pool, schemas, id, { logLines }),
  );
  if (story === null) throw noSuchJob(id);
  if (args.isSet("json")) printStory(story);
  else for (const { title = "", text } of describeJob(story)) print(labelled(title, text));
  return exitCodes.ok;
}

function printStory({ job, ...more }: JobStory): void {
  printJson({ ...job, ...more });
}

function labelled(title: string, text: string): string {
  if (title === "") return text;
  const label = colour("dim", title.padEnd(titleWidth), process.stdout);
  // Further lines stand under the first one.
  return `${label} ${text.replaceAll("\n", `\n${" ".repeat(titleWidth + 1)}`)}`.trimEnd();
}
