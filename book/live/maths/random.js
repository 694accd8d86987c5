/** A function that draws standard normal numbers, the same ones for the same seed. Not those of JAX. */
export function normals(seed) {
  let state = (seed + 1) * 0x9e3779b9;
  const uniform = () => {  // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let a = Math.imul(state ^ (state >>> 15), 1 | state);
    a = (a + Math.imul(a ^ (a >>> 7), 61 | a)) ^ a;
    return ((a ^ (a >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
