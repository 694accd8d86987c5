// Gaussian mixtures in the plane, as workshop_lite.mixtures has them, and guidance as in workshop_lite.guidance.
// A mixture is {means: [[x, y], ...], stds: [...], weights: [row of class 0, row of class 1, ..., row of none]}.
// Points are flat: x, y, x, y, ...

/** Log p(x_t, component | label) for one point, written into `into`; the largest of them is returned. */
function joint({ means, stds, weights }, x, y, { alpha, sigma }, label, into) {
  const row = weights.at(label);
  let most = -Infinity;
  for (let k = 0; k < means.length; k++) {
    const variance = (alpha * stds[k]) ** 2 + sigma ** 2;
    const far = (x - alpha * means[k][0]) ** 2 + (y - alpha * means[k][1]) ** 2;
    into[k] = Math.log(row[k]) - far / (2 * variance) - Math.log(2 * Math.PI * variance);
    if (into[k] > most) most = into[k];
  }
  return most;
}

/** Log p(x_t | label) of every point. */
export function logDensity(mixture, points, level, label) {
  const part = new Float64Array(mixture.means.length);
  return Float64Array.from({ length: points.length / 2 }, (_, i) => {
    const most = joint(mixture, points[2 * i], points[2 * i + 1], level, label, part);
    return most + Math.log(part.reduce((sum, log) => sum + Math.exp(log - most), 0));
  });
}

/** E[x_0 | x_t, label] of every point. */
export function denoised(mixture, points, level, label) {
  const { means, stds } = mixture;
  const { alpha, sigma } = level;
  const part = new Float64Array(means.length);
  const gain = stds.map((std) => (alpha * std ** 2) / ((alpha * std) ** 2 + sigma ** 2));
  const x0 = new Float64Array(points.length);
  for (let i = 0; i < points.length; i += 2) {
    const most = joint(mixture, points[i], points[i + 1], level, label, part);
    let [sum, x, y] = [0, 0, 0];
    for (let k = 0; k < part.length; k++) {
      const share = Math.exp(part[k] - most);
      sum += share;
      x += share * (means[k][0] + gain[k] * (points[i] - alpha * means[k][0]));
      y += share * (means[k][1] + gain[k] * (points[i + 1] - alpha * means[k][1]));
    }
    x0[i] = x / sum;
    x0[i + 1] = y / sum;
  }
  return x0;
}

/** The best denoiser there is: (points, t) -> x_0. */
export const ideal = (mixture, schedule, label) => (points, t) => denoised(mixture, points, schedule(t), label);

/** Ho & Salimans (2022), Eq. 6: two denoisers make one. */
export const guided = (denoise, denoiseNull, scale) => (points, t) => {
  const [x0, x0Null] = [denoise(points, t), denoiseNull(points, t)];
  return x0Null.map((value, i) => value + scale * (x0[i] - value));
};

/** Log of p(x)^(1 - scale) p(x | label)^scale at t = 0, up to a constant. */
export function logSharpened(mixture, points, label, scale) {
  const clean = { alpha: 1, sigma: 0 };
  const own = logDensity(mixture, points, clean, label);
  const all = logDensity(mixture, points, clean, -1);
  return own.map((log, i) => (1 - scale) * all[i] + scale * log);
}

/** Mean, and spread (root of the summed variances), of points with weights; without, all weigh the same. */
export function moments(points, weights) {
  const weigh = (i) => (weights ? weights[i] : 1);
  let [sum, x, y, square] = [0, 0, 0, 0];
  for (let i = 0; i < points.length / 2; i++) {
    const w = weigh(i);
    sum += w;
    x += w * points[2 * i];
    y += w * points[2 * i + 1];
    square += w * (points[2 * i] ** 2 + points[2 * i + 1] ** 2);
  }
  [x, y] = [x / sum, y / sum];
  return { mean: [x, y], spread: Math.sqrt(Math.max(0, square / sum - x ** 2 - y ** 2)) };
}
