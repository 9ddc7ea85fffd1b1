/** How long a start waits for a database that is away, and from when. */

/** As long as the command waits for one before that. */
const patienceMs = 30_000;

/**
 * Aborts that long after the loading of the tasks has ended, or when `stopping` does. Not before:
 * thousands of files that are imported block this process, and what it asked meanwhile fails by
 * its time limit, though the answer is there.
 *
 * @param forMs milliseconds; default 30,000
 */
export function startPatience(
  loading: Promise<unknown>,
  stopping: AbortSignal,
  forMs = patienceMs,
): AbortSignal {
  const over = new AbortController();
  const begin = (): void => void setTimeout(() => over.abort(), forMs).unref();
  loading.then(begin, begin);
  return AbortSignal.any([stopping, over.signal]);
}
