// The shipped network for notes, on any schedule.
import { dpmpp_2m } from './maths/samplers.js';
import { angle } from './maths/schedules.js';
import { guided, sample } from './network.js';

const NAME = 'notes-cfg';
const TABLE = 'network/condition/table/value'; // a row for each family, and the last for none

/** Fetch the network: {parameters, draw}, and draw(schedule, noise, {family, scale, steps}, {seen, signal}) samples a note. */
export async function notes(asset, told, signal) {
  const { card, open } = await import('./engine.js');
  const [{ parameters }, engine] = await Promise.all([card(asset, NAME), open(asset, [NAME], { told, signal })]);
  const { shape: [rows, wide], data } = engine.tensor(NAME, TABLE);
  const draw = (schedule, noise, { family, scale, steps }, options) => {
    const [own, none] = [family, rows - 1].map((row) => {
      const vector = data.slice(row * wide, (row + 1) * wide);
      return (x, t) => engine.denoise(NAME, { x, t: angle(schedule(t)), vector });
    });
    return sample(dpmpp_2m(schedule, noise, { steps }), guided(own, none, scale, [0, 1]), options);
  };
  return { parameters, draw };
}
