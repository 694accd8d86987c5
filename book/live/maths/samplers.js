// The samplers of workshop_lite.samplers. Each is a generator that yields a question, {x, t}, and is sent the
// estimate of x_0; it returns the sample. So one source serves a formula, answered at once (`walk`), and a network
// in a worker, answered when it is done.
//
//   schedule  t -> {alpha, sigma}
//   x         the noise: a typed array, whose kind all states keep
//   steps     how many, uniform in t
//   start     the time to begin at; `x` is then data with the noise of that time on it
//   normal    for ddpm, and for ddim with eta: a function that draws one standard normal number

function* spans(schedule, steps, start = 1) {
  for (let i = 0; i < steps; i++) {
    const [t, end] = [start * (1 - i / steps), start * (1 - (i + 1) / steps)];
    yield { t, end, now: schedule(t), then: schedule(end) };
  }
}

/** Standard deviation of q(x_then | x_now, x_0). */
function posteriorStd(now, then) {
  const beta = now.sigma ** 2 - ((now.alpha / then.alpha) * then.sigma) ** 2;
  return (then.sigma / now.sigma) * Math.sqrt(Math.max(beta, 0));
}

/** Song et al. (2021), Eqs. 12 and 16; `term` is the share of the noise term that is not forgotten. */
export function* ddim(schedule, x, { steps, eta = 0, normal, start, term = 1 }) {
  for (const { t, now, then } of spans(schedule, steps, start)) {
    const x0 = yield { x, t };
    const std = eta * posteriorStd(now, then);
    const kept = (now.alpha * then.sigma) / (then.alpha * now.sigma);
    const rest = then.sigma * Math.sqrt(1 - eta ** 2 + (eta * kept) ** 2);
    x = x.map((value, i) => {
      const eps = (value - now.alpha * x0[i]) / now.sigma;
      return then.alpha * x0[i] + term * rest * eps + (eta ? std * normal() : 0);
    });
  }
  return x;
}

/** Ho et al. (2020), Eqs. 6 and 7. */
export function* ddpm(schedule, x, { steps, normal }) {
  for (const { t, now, then } of spans(schedule, steps)) {
    const x0 = yield { x, t };
    const decay = now.alpha / then.alpha;
    const beta = now.sigma ** 2 - (decay * then.sigma) ** 2;
    const std = posteriorStd(now, then);
    x = x.map((value, i) => {
      const mean = (decay * then.sigma ** 2 * value + then.alpha * beta * x0[i]) / now.sigma ** 2;
      return mean + std * normal();
    });
  }
  return x;
}

/** Karras et al. (2022), Algorithm 1; a second look in every step that touches neither end. */
export function* heun(schedule, x, { steps }) {
  for (const { t, end, now, then } of spans(schedule, steps)) {
    const x0 = yield { x, t };
    const eps = x.map((value, i) => (value - now.alpha * x0[i]) / now.sigma);
    const guess = x0.map((value, i) => then.alpha * value + then.sigma * eps[i]);
    if (now.alpha <= 1e-3 || then.sigma === 0) {
      x = guess;
      continue;
    }
    const again = yield { x: guess, t: end, again: true };
    const stretch = then.alpha / now.alpha;
    x = x.map((value, i) => {
      const slope = (eps[i] + (guess[i] - then.alpha * again[i]) / then.sigma) / 2;
      return stretch * value + (then.sigma - stretch * now.sigma) * slope;
    });
  }
  return x;
}

/** DPM-Solver++(2M), Lu et al. (2022), Algorithm 2. */
export function* dpmpp_2m(schedule, x, { steps, start }) {
  let [last, lastWidth] = [null, Infinity];
  for (const { t, now, then } of spans(schedule, steps, start)) {
    const x0 = yield { x, t };
    const width = Math.log(then.alpha / then.sigma) - Math.log(now.alpha / now.sigma);
    const ahead = last && Number.isFinite(width) ? width / (2 * lastWidth) : 0;
    const keep = then.sigma / now.sigma;
    const gain = then.alpha - keep * now.alpha;
    x = x.map((value, i) => keep * value + gain * (x0[i] + (ahead && ahead * (x0[i] - last[i]))));
    [last, lastWidth] = [x0, width];
  }
  return x;
}

/** Every state of a sampler whose denoiser answers at once: steps + 1 of them, noise first. */
export function walk(sampler, denoise) {
  const states = [];
  let ask = sampler.next();
  while (!ask.done) {
    if (!ask.value.again) states.push(ask.value.x);
    ask = sampler.next(denoise(ask.value.x, ask.value.t));
  }
  return [...states, ask.value];
}
