// All demos but those that paint emoji, in one file: what they share is in it once.
export { default as ask } from './demos/ask.js';
export { default as guidance } from './demos/guidance.js';
export { default as guided_mixtures } from './demos/guided_mixtures.js';
export { default as mixtures } from './demos/mixtures.js';
export { default as schedules } from './demos/schedules.js';
// What a test runs without a demo around it.
export { open } from './engine.js';
export { ddim, dpmpp_2m } from './maths/samplers.js';
export { cosine } from './maths/schedules.js';
export { guided, sample } from './network.js';
