/** graphile-worker alone, as a process: `run` with one task that notes each job it runs. */

import { run } from "graphile-worker";

await run({
  connectionString: process.env.DATABASE_URL ?? "",
  concurrency: 10,
  pollInterval: 200,
  parsedCronItems: [],
  taskList: {
    note: async (_payload, helpers) => {
      await helpers.query("insert into runs (job_id, by) values ($1, 'graphile-worker')", [
        helpers.job.id,
      ]);
    },
  },
});
process.stdout.write("listening\n");
