// The demos that paint emoji, in a file of their own, so that no page loads what it has no use for.
export { default as draw } from './demos/draw.js';
export { default as latents } from './demos/latents.js';
export { default as words } from './demos/words.js';
// What a test runs without a demo around it.
export { known, noise, painter } from './emoji.js';
export { ddim, dpmpp_2m } from './maths/samplers.js';
