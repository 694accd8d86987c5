// A canvas of square pictures without blur: grey ones, dark on white as in the chapters' figures, or in colour.
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
    /** Numbers from -1, white, to 1, black; or three a pixel: red, green and blue from -1 to 1. */
    paint(pixels, place = 0) {
      const image = new ImageData(side, side);
      const colour = pixels.length === 3 * side ** 2;
      for (let i = 0; i < side ** 2; i++) {
        for (let c = 0; c < 3; c++) image.data[4 * i + c] = 127.5 * (colour ? 1 + pixels[3 * i + c] : 1 - pixels[i]);
        image.data[4 * i + 3] = 255;
      }
      context.putImageData(image, side * (place % columns), side * Math.floor(place / columns));
    },
  };
}
