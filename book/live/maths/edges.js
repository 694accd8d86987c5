// Canny's edges as scikit-image finds them with sigma 1, and how well two drawings of edges agree.

const [LOW, HIGH] = [0.1, 0.2];
const REACH = 4;
const BELL = Array.from({ length: 2 * REACH + 1 }, (_, i) => Math.exp(-((i - REACH) ** 2) / 2));
const AROUND = [-1, 0, 1].flatMap((i) => [-1, 0, 1].map((j) => [i, j]));

/** 1 on the edges of a picture of red, green and blue from -1 to 1, and 0 elsewhere; Canny (1986). */
export function edges(pixels, side) {
  const each = (f) => Float64Array.from({ length: side * side }, (_, p) => f(Math.floor(p / side), p % side));
  const at = (i, j) => Math.min(side - 1, Math.max(0, i)) * side + Math.min(side - 1, Math.max(0, j));
  const grey = each((i, j) => {
    const [r, g, b] = [0, 1, 2].map((c) => Math.min(1, Math.max(-1, pixels[3 * at(i, j) + c])) / 2 + 0.5);
    return 0.2125 * r + 0.7154 * g + 0.0721 * b;
  });
  // a bell around each pixel, of which only what lies inside of the picture counts
  const blurred = (image, di, dj) => each((i, j) => {
    let [sum, weight] = [0, 0];
    BELL.forEach((share, k) => {
      const [y, x] = [i + (k - REACH) * di, j + (k - REACH) * dj];
      if (y < 0 || x < 0 || y >= side || x >= side) return;
      sum += share * image[at(y, x)];
      weight += share;
    });
    return sum / weight;
  });
  const smooth = blurred(blurred(grey, 1, 0), 0, 1);
  // Sobel's slopes
  const slope = (down) => each((i, j) => [-1, 0, 1].reduce((sum, k) => {
    const step = down ? smooth[at(i + 1, j + k)] - smooth[at(i - 1, j + k)] : smooth[at(i + k, j + 1)] - smooth[at(i + k, j - 1)];
    return sum + (k ? 1 : 2) * step;
  }, 0));
  const [downs, rights] = [slope(true), slope(false)];
  const size = each((i, j) => Math.hypot(downs[at(i, j)], rights[at(i, j)]));
  // a ridge is at least as steep as what lies before and behind it along the slope
  const steep = each((i, j) => {
    const [down, right, here] = [downs[at(i, j)], rights[at(i, j)], size[at(i, j)]];
    if (here < LOW || i < 1 || j < 1 || i > side - 2 || j > side - 2) return 0;
    const [y, x] = [Math.sign(down) || 1, Math.sign(right) || 1];
    const long = Math.max(Math.abs(down), Math.abs(right));
    const across = Math.min(Math.abs(down), Math.abs(right)) / long;
    const [straightY, straightX] = Math.abs(down) > Math.abs(right) ? [y, 0] : [0, x];
    const beside = (way) => across * size[at(i + way * y, j + way * x)] + (1 - across) * size[at(i + way * straightY, j + way * straightX)];
    return beside(1) <= here && beside(-1) <= here ? here : 0;
  });
  // weak ridges count where they hang together with a strong one
  const found = new Uint8Array(side * side);
  const open = [...steep.keys()].filter((p) => steep[p] >= HIGH);
  while (open.length) {
    const p = open.pop();
    if (found[p] || !steep[p]) continue;
    found[p] = 1;
    for (const [di, dj] of AROUND) open.push(at(Math.floor(p / side) + di, (p % side) + dj));
  }
  return found;
}

/** F1 of two drawings of edges within one pixel, from 0 to 1; nothing where one of them is empty. */
export function f1(drawn, wanted, side) {
  const near = (edges, p) => AROUND.some(([di, dj]) => {
    const [i, j] = [Math.floor(p / side) + di, (p % side) + dj];
    return i >= 0 && j >= 0 && i < side && j < side && edges[i * side + j];
  });
  const share = (these, those) => {
    const all = [...these.keys()].filter((p) => these[p]);
    return all.filter((p) => near(those, p)).length / all.length;
  };
  const [right, kept] = [share(drawn, wanted), share(wanted, drawn)];
  return right + kept > 0 ? (2 * right * kept) / (right + kept) : right + kept;
}
