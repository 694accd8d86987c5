import { clothes } from '../clothes.js';

export { open } from '../engine.js';
export { ddim, dpmpp_2m } from '../maths/samplers.js';
export { cosine } from '../maths/schedules.js';
export { guided, sample } from '../network.js';

export default clothes({ small: false });
