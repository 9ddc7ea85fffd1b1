/**
 * What a client's options leave open, from its project's configuration: read when it is first
 * asked for, once; after a failure, again the next time.
 */

import { type LoadedConfig, loadConfig } from "../config/load-config.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { TaskrunError } from "../core/errors.ts";
import { type Schemas, schemasFor } from "../store/schemas.ts";
import type { TasksOption } from "./client-tasks.ts";

export interface GivenSettings {
  readonly connectionString?: string;
  readonly schema?: string;
  readonly tasks?: TasksOption;
  readonly project?: string;
}

export class ClientSettings {
  readonly #given: GivenSettings;
  #config: Promise<LoadedConfig> | null = null;
  #schemas: Schemas | null = null;

  constructor(given: GivenSettings) {
    this.#given = given;
  }

  /** The same object each time: statements are made once for it. */
  async schemas(): Promise<Schemas> {
    this.#schemas ??= schemasFor(this.#given.schema ?? (await this.config()).schema);
    return this.#schemas;
  }

  /** @throws TaskrunError `no-database`, and what reading the configuration throws. */
  async connectionString(): Promise<string> {
    if (this.#given.connectionString !== undefined) return this.#given.connectionString;
    const { connection, dataDir, projectDir } = await this.config();
    if (connection !== null) return connection;
    const { findEmbeddedPostgres } = await import("../dev/embedded-postgres.ts");
    const embedded = await findEmbeddedPostgres(dataDir);
    if (embedded !== null) return embedded.url;
    throw new TaskrunError(
      "no-database",
      `No database is configured in ${projectDir}, and no embedded Postgres is running there`,
    );
  }

  async config(): Promise<ResolvedConfig> {
    const { project, tasks } = this.#given;
    this.#config ??= loadConfig({
      ...(project === undefined ? {} : { folder: project }),
      ...(typeof tasks === "string" ? { flags: { tasks } } : {}),
      keepEnvironment: true,
    }).catch((error) => {
      this.#config = null;
      throw error;
    });
    return (await this.#config).config;
  }
}
