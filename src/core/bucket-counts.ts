/**
 * How long things took, counted in buckets of which each is a tenth wider than the one before, and
 * the percentiles of such counts. The same buckets as `duration_bucket` in the database.
 */

const growth = 1.1;

/** By the number of the bucket. */
export type BucketCounts = ReadonlyMap<number, number>;

/** The middle of the bucket in milliseconds; right to 5 %. */
function bucketMs(bucket: number): number {
  if (bucket === 0) return 0;
  const ms = growth ** (bucket - 0.5);
  return ms < 100 ? Math.round(ms * 10) / 10 : Math.round(ms);
}

/** The duration that this share of all, from 0 to 1, does not exceed; null when there is none. */
export function percentileMs(counts: BucketCounts, share: number): number | null {
  const buckets = [...counts].filter(([, count]) => count > 0).sort(([a], [b]) => a - b);
  const all = buckets.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [bucket, count] of buckets) {
    seen += count;
    if (seen >= all * share) return bucketMs(bucket);
  }
  return null;
}
