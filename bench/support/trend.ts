/**
 * A straight line through samples over time, and how sure its slope is. Samples of one process
 * resemble their neighbours, which makes a plain regression too sure of itself: its error is
 * widened by how much each residual tells about the next.
 */

export interface Sample {
  readonly atHours: number;
  readonly value: number;
}

export interface Trend {
  readonly slopePerHour: number;
  /** The slope's 95 % confidence interval. */
  readonly low: number;
  readonly high: number;
  /** Standard deviation of the samples around the line. */
  readonly noise: number;
  /** What the line gains from the first sample to the last. */
  readonly growth: number;
  /** The slope is surely above zero, and what it adds up to is more than the noise. */
  readonly isGrowth: boolean;
}

/** Two standard errors, near enough for the dozens of samples that this is for. */
const widthOfInterval = 1.96;

export function trendOf(samples: readonly Sample[]): Trend {
  const count = samples.length;
  if (count < 8) throw new Error(`a trend needs at least 8 samples, there are ${count}`);
  const meanAt = mean(samples.map(({ atHours }) => atHours));
  const meanValue = mean(samples.map(({ value }) => value));
  const spread = sum(samples.map(({ atHours }) => (atHours - meanAt) ** 2));
  const slope =
    sum(samples.map(({ atHours, value }) => (atHours - meanAt) * (value - meanValue))) / spread;
  const residuals = samples.map(
    ({ atHours, value }) => value - meanValue - slope * (atHours - meanAt),
  );
  const squares = sum(residuals.map((each) => each ** 2));
  const noise = Math.sqrt(squares / (count - 2));
  const error = (noise / Math.sqrt(spread)) * Math.sqrt(inflation(residuals, squares));
  const low = slope - widthOfInterval * error;
  const first = samples[0]?.atHours ?? 0;
  const growth = slope * ((samples.at(-1)?.atHours ?? 0) - first);
  const high = slope + widthOfInterval * error;
  return { slopePerHour: slope, low, high, noise, growth, isGrowth: low > 0 && growth > noise };
}

/** By how much the variance of a mean of such residuals exceeds that of independent ones. */
function inflation(residuals: readonly number[], squares: number): number {
  if (squares === 0) return 1;
  const products = sum(residuals.slice(1).map((each, index) => each * (residuals[index] ?? 0)));
  const correlation = Math.min(0.95, Math.max(0, products / squares));
  return (1 + correlation) / (1 - correlation);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
