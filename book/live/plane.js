// A picture that is drawn with code and can be taken hold of.
import { h } from './kit.js';

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1], PageUp: [0, 5], PageDown: [0, -5] };
const clamp = (value, [low, high]) => Math.min(high, Math.max(low, value));

/**
 * A canvas over the stretch `x` by `y`, drawn by `paint(context, plane, colours)`, sharp on every screen. `pad` is room
 * for axes, in pixels: top, right, bottom, left. `describe(text)` says what is drawn now, to those who cannot see it.
 */
export function plane({ at, label, x, y, aspect = 1, pad = [0, 0, 0, 0], paint }) {
  const canvas = h('canvas', { role: 'img', 'aria-label': label });
  const node = h('div', { class: 'kit-plane', style: `aspect-ratio: ${aspect}` }, canvas);
  const handles = [];
  let [colours, asked] = [null, false];
  const self = {
    node, canvas, x, y, width: 0, height: 0,
    px: (value) => pad[3] + ((value - self.x[0]) / (self.x[1] - self.x[0])) * (self.width - pad[1] - pad[3]),
    py: (value) => self.height - pad[2] - ((value - self.y[0]) / (self.y[1] - self.y[0])) * (self.height - pad[0] - pad[2]),
    describe: (text) => canvas.setAttribute('aria-label', text),
    redraw() {
      if (asked) return;
      asked = true;
      requestAnimationFrame(draw);
    },
    handle: (spec) => {
      const made = handle(self, spec, pad);
      handles.push(made);
      node.append(made.node);
      self.redraw();
      return { ...made, remove() {
        made.node.remove();
        handles.splice(handles.indexOf(made), 1);
      } };
    },
  };
  function draw() {
    asked = false;
    [self.width, self.height] = [node.clientWidth, node.clientHeight];
    if (!self.width || !colours) return;
    const ratio = Math.min(devicePixelRatio || 1, 3);
    [canvas.width, canvas.height] = [self.width * ratio, self.height * ratio];
    const context = canvas.getContext('2d');
    context.scale(ratio, ratio);
    context.font = '12px system-ui, sans-serif';
    paint(context, self, colours);
    handles.forEach((one) => one.place());
  }
  const seen = new ResizeObserver(self.redraw);
  seen.observe(node);
  at.signal.addEventListener('abort', () => seen.disconnect());
  at.recolour((found) => {
    colours = found;
    self.redraw();
  });
  return self;
}

/**
 * A point to drag, or to move by the arrow keys, shift for larger steps. `at()` is where it stands and
 * `move([x, y])` is asked to put it elsewhere; `axis: 'y'` moves up and down alone. `say()` speaks its place.
 */
function handle(plane, { name, kind = '', colour, at, move, say, step, axis = 'xy', focus }, pad) {
  const role = { role: 'slider', tabindex: 0, 'aria-label': name };
  const kinds = axis === 'y' ? { 'aria-orientation': 'vertical' } : { 'aria-roledescription': 'point in the plane' };
  const node = h('div', { class: `kit-handle ${kind}`, ...role, ...kinds });
  node.style.setProperty('--kit-mark', `var(--kit-${colour})`);
  const along = axis === 'y' ? 1 : 0;
  const range = [plane.x, plane.y][along];
  node.setAttribute('aria-valuemin', range[0]);
  node.setAttribute('aria-valuemax', range[1]);
  const place = () => {
    const [x, y] = at();
    node.style.left = `${plane.px(x)}px`;
    node.style.top = `${plane.py(y)}px`;
    node.setAttribute('aria-valuenow', +[x, y][along].toFixed(3));
    node.setAttribute('aria-valuetext', say());
  };
  const go = (x, y) => {
    const from = at();
    move([axis === 'y' ? from[0] : clamp(x, plane.x), clamp(y, plane.y)]);
    place();
  };
  let grip = null;
  node.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    node.setPointerCapture(event.pointerId);
    node.focus({ preventScroll: true });
    grip = [plane.px(at()[0]) - event.clientX, plane.py(at()[1]) - event.clientY];
  });
  node.addEventListener('pointermove', (event) => {
    if (!grip) return;
    const [left, top] = [event.clientX + grip[0] - pad[3], event.clientY + grip[1] - pad[0]];
    const across = left / (plane.width - pad[1] - pad[3]);
    const down = top / (plane.height - pad[0] - pad[2]);
    go(plane.x[0] + across * (plane.x[1] - plane.x[0]), plane.y[1] - down * (plane.y[1] - plane.y[0]));
  });
  for (const end of ['pointerup', 'pointercancel']) node.addEventListener(end, () => { grip = null; });
  node.addEventListener('keydown', (event) => {
    const way = KEYS[event.key];
    if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const far = event.shiftKey ? 5 : 1;
    // a handle that only moves up and down also hears left and right, as other sliders do
    const up = axis === 'y' ? way[0] + way[1] : way[1];
    go(at()[0] + far * step * way[0], at()[1] + far * step * up);
  });
  if (focus) node.addEventListener('focus', focus);
  return { node, place };
}

/** A field of values on n × n cells as one colour, more of it where there is more; `reach` is full colour. */
export function heat(context, plane, n, values, colour, reach) {
  const image = new ImageData(n, n);
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  values.forEach((value, i) => image.data.set([r, g, b, 200 * Math.min(1, value / reach)], 4 * i));
  const small = h('canvas', { width: n, height: n });
  small.getContext('2d').putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(small, 0, 0, plane.width, plane.height);
}

/** The middles of n × n cells of a stretch, row by row from the top: x, y, x, y, ... */
export function cells(x, y, n) {
  const points = new Float64Array(2 * n * n);
  for (let i = 0; i < n * n; i++) {
    points[2 * i] = x[0] + (((i % n) + 0.5) / n) * (x[1] - x[0]);
    points[2 * i + 1] = y[1] - ((Math.floor(i / n) + 0.5) / n) * (y[1] - y[0]);
  }
  return points;
}

/** A line through points [x, y] of the plane. */
export function line(context, plane, points, colour, width = 2, dash = []) {
  context.beginPath();
  points.forEach(([x, y]) => context.lineTo(plane.px(x), plane.py(y)));
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
}

export function dot(context, plane, x, y, colour, radius = 2) {
  context.beginPath();
  context.arc(plane.px(x), plane.py(y), radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}

/** From a point of the plane by (dx, dy). */
export function arrow(context, plane, x, y, dx, dy, colour, width = 1.2) {
  const [x1, y1] = [plane.px(x + dx), plane.py(y + dy)];
  const way = Math.atan2(y1 - plane.py(y), x1 - plane.px(x));
  context.beginPath();
  context.moveTo(plane.px(x), plane.py(y));
  context.lineTo(x1, y1);
  for (const turn of [2.6, -2.6]) {
    context.moveTo(x1, y1);
    context.lineTo(x1 + 4 * Math.cos(way + turn), y1 + 4 * Math.sin(way + turn));
  }
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

/** Grid lines with numbers, and what stands below and above them; `gap` keeps the numbers clear of handles. */
export function axes(context, plane, colours, { xs, ys, below, above, gap = 5 }) {
  const [left, right] = plane.x.map(plane.px);
  const [bottom, top] = plane.y.map(plane.py);
  context.fillStyle = colours.ink;
  context.textBaseline = 'middle';
  for (const y of ys) {
    line(context, plane, [[plane.x[0], y], [plane.x[1], y]], colours.grid, 1);
    context.textAlign = 'right';
    context.fillText(String(y).replace('-', '−'), left - gap, plane.py(y));
  }
  context.textAlign = 'center';
  for (const x of xs) {
    line(context, plane, [[x, plane.y[0]], [x, plane.y[1]]], colours.grid, 1);
    context.fillText(x, plane.px(x), bottom + 10);
  }
  if (below) context.fillText(below, (left + right) / 2, bottom + 24);
  context.textAlign = 'left';
  if (above) context.fillText(above, left, top - 10);
}
