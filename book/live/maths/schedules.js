// Schedules as workshop_lite.schedules has them: functions from t, 0 data to 1 noise, to {alpha, sigma}.

export const fromLogSnr = (lam) => ({
  alpha: Math.sqrt(1 / (1 + Math.exp(-lam))),
  sigma: Math.sqrt(1 / (1 + Math.exp(lam))),
});

/** log(alpha² / sigma²); infinite where no noise is left, or no signal. */
export const logSnr = ({ alpha, sigma }) => 2 * (Math.log(alpha) - Math.log(sigma));

/** How noisy, from 0 to 1, whatever the schedule: the t at which `cosine` has this level. Networks are told this. */
export const angle = ({ alpha, sigma }) => (2 / Math.PI) * Math.atan2(sigma, alpha);

const fromDecay = (decay) => ({ alpha: Math.exp(-decay / 2), sigma: Math.sqrt(-Math.expm1(-decay)) });

export const cosine = (t) => ({ alpha: Math.sin((Math.PI / 2) * (1 - t)), sigma: Math.sin((Math.PI / 2) * t) });

export const linear = (t) => fromDecay(0.1 * t + (19.9 * t ** 2) / 2);

export const quadratic = (t) => fromDecay(0.1 * t + (20 * t ** 3) / 3);

export function sigmoid(t) {
  const [low, high] = [1 / (1 + Math.exp(3)), 1 / (1 + Math.exp(-3))];
  const area = Math.log1p(low * Math.expm1(6 * t)) / 6;
  return fromDecay(0.1 * t + (20 * (area - low * t)) / (high - low));
}

/** The schedule whose log-SNR runs straight from point to point; its times rise from 0 to 1. */
export function fromPoints(times, lams) {
  return (t) => {
    const i = Math.max(1, Math.min(times.length - 1, times.findIndex((end) => t <= end)));
    const share = (t - times[i - 1]) / (times[i] - times[i - 1]);
    return fromLogSnr(lams[i - 1] + share * (lams[i] - lams[i - 1]));
  };
}

/** DDPM's table of T betas for a schedule: row i leads to its level at t = i / T, and the first row from clean data. */
export function table(schedule, T) {
  const bars = Array.from({ length: T + 1 }, (_, i) => (i ? schedule(i / T).alpha ** 2 : 1));
  return bars.slice(1).map((bar, i) => 1 - bar / bars[i]);
}

/** The level after each row of a table: alpha² is the product of 1 - beta up to there. */
export function levels(betas) {
  let decay = 0;
  return betas.map((beta) => fromDecay((decay -= Math.log1p(-beta))));
}
