/**
 * The tasks of a project, for those who queue jobs: imports the files of the tasks that are
 * asked for, when they are first asked for, and no others.
 */

import { existsSync } from "node:fs";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog } from "../core/catalog.ts";
import { TaskrunError } from "../core/errors.ts";
import type { Task } from "../core/task.ts";
import { describeFailureBriefly } from "../discovery/describe-failure.ts";
import { taskName } from "../discovery/task-name.ts";
import { taskFinder } from "../runtime/enqueueing/enqueue.ts";
import { createProjectLoader, type TaskSelection } from "../runtime/project-loader.ts";

type FindTask = (name: string) => Promise<Task | undefined>;

export class ProjectTasks {
  readonly #config: ResolvedConfig;
  readonly #found = new Map<string, Promise<Task | undefined>>();
  readonly #completed = new WeakMap<object, Promise<Task | undefined>>();
  #all: Promise<(name: string) => Task | undefined> | null = null;
  /** Loads take turns: they change how Node imports, while they last. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(config: ResolvedConfig) {
    this.#config = config;
  }

  /**
   * The task of that name or alias; undefined when no file here has it. An alias, or a name that
   * only other projects know, takes one look at all files.
   *
   * @throws TaskrunError `task-not-loadable`
   */
  find: FindTask = (name) => {
    let finding = this.#found.get(name);
    if (finding === undefined) {
      finding = this.#find(name).catch((error) => {
        this.#found.delete(name);
        throw error;
      });
      this.#found.set(name, finding);
    }
    return finding;
  };

  /**
   * The same for a task that has been imported already, whose file is that of `name`: only what
   * its folders say is still to be read.
   *
   * @throws TaskrunError `task-not-loadable`
   */
  complete(name: string, exported: object): Promise<Task | undefined> {
    let completing = this.#completed.get(exported);
    if (completing === undefined) {
      completing = this.#loadOne(name, exported).catch((error) => {
        this.#completed.delete(exported);
        throw error;
      });
      this.#completed.set(exported, completing);
    }
    return completing;
  }

  async #find(name: string): Promise<Task | undefined> {
    if (!existsSync(this.#config.tasks)) return undefined;
    const task = taskName(`${name}.ts`).kind === "task" ? await this.#loadOne(name) : undefined;
    if (task !== undefined) return task;
    this.#all ??= this.#load().then(taskFinder);
    return (await this.#all)(name);
  }

  async #loadOne(only: string, exported?: object): Promise<Task | undefined> {
    const { tasks, failures } = await this.#load({
      only,
      ...(exported === undefined ? {} : { exported }),
    });
    const failure = failures.find(({ task }) => task === only);
    if (failure === undefined) return tasks.get(only);
    const what = describeFailureBriefly(failure, this.#config.projectDir);
    throw new TaskrunError("task-not-loadable", `The task ${only} can't be loaded: ${what}`);
  }

  #load(selection: TaskSelection = {}): Promise<Catalog> {
    const loading = this.#turn.then(() => this.#loadNow(selection));
    this.#turn = loading.catch(() => {});
    return loading;
  }

  async #loadNow(selection: TaskSelection): Promise<Catalog> {
    const loader = createProjectLoader(this.#config, selection);
    try {
      return await loader.load();
    } finally {
      await loader.close();
    }
  }
}
