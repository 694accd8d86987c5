// Guidance and sampling with a network: what workshop_lite.guidance.Guided and workshop_lite.samplers do, a pass at a time.

/** (x, t) -> promise of x_0; like `Guided`, it pays for one pass where the scale is 1, or t outside of the interval. */
export const guided = (denoise, weak, scale, [low, high]) => async (x, t) => {
  const strength = low <= t && t <= high ? scale : 1;
  if (strength === 1) return denoise(x, t);
  if (strength === 0) return weak(x, t);
  const [x0, x0Weak] = await Promise.all([denoise(x, t), weak(x, t)]);
  return x0Weak.map((value, i) => value + strength * (x0[i] - value));
};

/** Answer a sampler's questions to its end; `seen(x0, step)` hears each estimate, `signal` stops it between two. */
export async function sample(sampler, denoise, { seen = () => {}, signal }) {
  let ask = sampler.next();
  for (let step = 1; !ask.done; step++) {
    const x0 = await denoise(ask.value.x, ask.value.t);
    signal?.throwIfAborted();
    seen(x0, step);
    ask = sampler.next(x0);
  }
  return ask.value;
}
