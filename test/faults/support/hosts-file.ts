/** A file of host names of one process's own, put in the place of the machine's for it alone. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const inMountNamespace = (file: string, ...command: string[]) => [
  "unshare",
  "--mount",
  "sh",
  "-c",
  'mount --bind "$0" /etc/hosts && exec "$@"',
  file,
  ...command,
];

/** Why it can't be done here; null when it can. */
export async function missingForHosts(): Promise<string | null> {
  const [command = "", ...args] = inMountNamespace("/etc/hosts", "true");
  return run(command, args).then(
    () => null,
    () => "needs root and unshare, for a hosts file of its own",
  );
}

type Hosts = Readonly<Record<string, string>>;

export interface HostsFile extends AsyncDisposable {
  /** For `ProcessOptions.within`. */
  readonly within: readonly string[];
  /** The names lead to these addresses from now on. */
  move(hosts: Hosts): Promise<void>;
}

export async function hostsFile(hosts: Hosts): Promise<HostsFile> {
  const folder = await mkdtemp(join(tmpdir(), "taskrun-hosts-"));
  const file = join(folder, "hosts");
  const move = (now: Hosts) =>
    writeFile(
      file,
      Object.entries(now)
        .map(([name, address]) => `${address} ${name}\n`)
        .join(""),
    );
  await move(hosts);
  return {
    within: inMountNamespace(file),
    move,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
