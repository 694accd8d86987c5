// A canvas of square grey pictures, dark on white as in the chapters' figures, without blur.
import { h } from './kit.js';

export function sheet({ side, count = 1, columns = count }) {
  const rows = Math.ceil(count / columns);
  const node = h('canvas', { role: 'img', width: columns * side, height: rows * side, style: 'background: #fff; display: block; filter: none; image-rendering: pixelated; width: 100%' });
  const context = node.getContext('2d');
  return {
    node,
    describe: (text) => node.setAttribute('aria-label', text),
    clear() {
      context.fillStyle = '#fff';
      context.fillRect(0, 0, node.width, node.height);
    },
    /** Numbers from -1, white, to 1, black. */
    paint(pixels, place = 0) {
      const image = new ImageData(side, side);
      pixels.forEach((value, i) => image.data.fill(127.5 * (1 - value), 4 * i, 4 * i + 3));
      for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
      context.putImageData(image, side * (place % columns), side * Math.floor(place / columns));
    },
  };
}
