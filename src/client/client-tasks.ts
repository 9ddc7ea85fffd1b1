/**
 * What a client knows of tasks: which name an imported task has, and the task behind a name,
 * from where the client was told to look.
 */

import type { ResolvedConfig } from "../config/resolved-config.ts";
import { TaskrunError } from "../core/errors.ts";
import { resolveTask } from "../core/resolve-task.ts";
import { showValue } from "../core/show-value.ts";
import type { Task } from "../core/task.ts";
import { taskFinder } from "../runtime/enqueueing/enqueue.ts";
import { placeOf, type TaskPlace } from "./project-folder.ts";
import { ProjectTasks } from "./project-tasks.ts";
import { nameAmong, originFiles } from "./task-origin.ts";
import type { ImportedTask } from "./typed-enqueue.ts";

export type TasksOption = string | false | Readonly<Record<string, unknown>>;

export type FindTask = (name: string) => Task | undefined | Promise<Task | undefined>;

export interface NamedTask {
  readonly name: string;
  readonly findTask: FindTask;
}

export class ClientTasks {
  readonly #option: TasksOption | undefined;
  readonly #config: () => Promise<ResolvedConfig>;
  readonly #projects = new Map<string, ProjectTasks>();
  #findGiven: ((name: string) => Task | undefined) | null = null;

  constructor(option: TasksOption | undefined, config: () => Promise<ResolvedConfig>) {
    this.#option = option;
    this.#config = config;
  }

  /**
   * The task of that name; undefined when it is not known here.
   *
   * @throws TaskrunError `task-not-loadable`, `bad-definition`
   */
  readonly find: FindTask = (name) => {
    if (this.#option === false) return undefined;
    if (typeof this.#option === "object") {
      this.#findGiven ??= taskFinder(catalogOf(this.#option));
      return this.#findGiven(name);
    }
    return this.#findInProject(name);
  };

  /** @throws TaskrunError `unnamed-task` */
  async named(named: ImportedTask): Promise<NamedTask> {
    if (typeof this.#option === "object") {
      const given = Object.entries(this.#option).find(([, definition]) => definition === named);
      if (given !== undefined) return { name: given[0], findTask: this.find };
    }
    refuseNonTask(named);
    const files = originFiles(named);
    const { name, config } = await this.#placed(files);
    const file = files[0] ?? name;
    // Its own definition is at hand; what folders and the configuration add to it is not.
    const alone = () => resolveTask(named, { name, file, version: 1, layers: [] });
    if (typeof this.#option === "object" || this.#option === false)
      return { name, findTask: alone };
    const project = this.#project(config);
    return { name, findTask: async () => (await project.complete(name, named)) ?? alone() };
  }

  async #findInProject(name: string): Promise<Task | undefined> {
    return this.#project(await this.#config()).find(name);
  }

  async #placed(files: readonly string[]): Promise<TaskPlace> {
    const config = await this.#config();
    const name = nameAmong(files, config.tasks);
    if (name !== null) return { name, config };
    const elsewhere = await placeOf(files);
    if (elsewhere !== null) return elsewhere;
    const where = files[0] === undefined ? "somewhere unknown" : `in ${files[0]}`;
    throw new TaskrunError(
      "unnamed-task",
      `The task was defined ${where}, which is in no project's tasks folder`,
    );
  }

  #project(config: ResolvedConfig): ProjectTasks {
    let project = this.#projects.get(config.tasks);
    if (project === undefined) {
      project = new ProjectTasks(config);
      this.#projects.set(config.tasks, project);
    }
    return project;
  }
}

/** Callers without types give whatever they have. */
function refuseNonTask(named: unknown): void {
  if ((typeof named === "object" && named !== null) || typeof named === "function") return;
  const what = `The first argument is ${showValue(named)}, neither a name nor a task`;
  throw new TaskrunError("unnamed-task", what);
}

function catalogOf(definitions: Readonly<Record<string, unknown>>) {
  const tasks = new Map<string, Task>();
  for (const [name, definition] of Object.entries(definitions)) {
    tasks.set(name, resolveTask(definition, { name, file: `${name}.ts`, version: 1, layers: [] }));
  }
  return { tasks, failures: [] };
}
