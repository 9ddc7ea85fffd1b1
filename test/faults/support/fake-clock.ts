/** A clock for other processes that a test can set, by Debian's faketime. */

import { access, chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];

export class FakeClock implements AsyncDisposable {
  /** For the processes that are to go by it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #folder: string;

  private constructor(library: string, folder: string) {
    this.#folder = folder;
    this.environment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: join(folder, "clock"),
      FAKETIME_NO_CACHE: "1",
      // Only what the clock says changes, not how long things take.
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_RESET: "1",
    };
  }

  /** Right until it is set. Null where faketime isn't installed. */
  static async find(): Promise<FakeClock | null> {
    const library = await findLibrary();
    if (library === null) return null;
    const folder = await mkdtemp(join(tmpdir(), "taskrun-clock-"));
    await chmod(folder, 0o755);
    const clock = new FakeClock(library, folder);
    await clock.jump("+0s");
    return clock;
  }

  /** Off by that from now on, as "+5h" or "-1h". */
  async jump(offset: string): Promise<void> {
    await writeFile(join(this.#folder, "clock"), `${offset}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }
}

async function findLibrary(): Promise<string | null> {
  for (const folder of folders) {
    const inside = await readdir(folder).catch(() => []);
    for (const place of ["", ...inside.filter((name) => name.endsWith("-linux-gnu"))]) {
      const file = join(folder, place, "faketime", "libfaketimeMT.so.1");
      const found = await access(file).then(
        () => true,
        () => false,
      );
      if (found) return file;
    }
  }
  return null;
}
