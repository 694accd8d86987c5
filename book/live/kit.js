// Controls for the demos: plain elements that have names and speak their values, for mouse, finger and keyboard.
import { css } from './style.js';

/** An element: h('p', {class: 'x', onclick: f}, 'text', child). */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

let count = 0;
const id = () => `kit-${++count}`;

/**
 * The frame of a demo: {stage, controls, foot}, places to append to; `signal`, aborted when the demo goes; and
 * `recolour(f)`, which calls f with the colours, now and whenever the page turns light or dark.
 */
export function frame(el, { title, runs, caption }) {
  const [stage, controls, foot] = ['stage', 'controls', 'foot'].map((part) => h('div', { class: `kit-${part}` }));
  const head = [h('p', { class: 'kit-title' }, title), h('p', { class: 'kit-runs' }, runs)];
  const body = h('div', { class: 'kit-body' }, stage, controls);
  const end = h('p', { class: 'kit-caption' }, caption);
  const root = h('div', { class: 'kit', role: 'group', 'aria-label': title }, ...head, body, foot, end);
  el.append(h('style', {}, css), root);
  const stop = new AbortController();
  const listeners = [];
  const tell = () => {
    const found = colours(root);
    for (const name of ['a', 'b', 'ground', 'ink']) root.style.setProperty(`--kit-${name}`, found[name]);
    root.style.colorScheme = found.dark ? 'dark' : 'light';
    listeners.forEach((listener) => listener(found));
  };
  const seen = new MutationObserver(() => requestAnimationFrame(tell));
  for (const node of [document.documentElement, document.body]) seen.observe(node, { attributes: true });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', tell, { signal: stop.signal });
  stop.signal.addEventListener('abort', () => seen.disconnect());
  const recolour = (listener) => {
    listeners.push(listener);
    tell();
  };
  tell();
  return { root, stage, controls, foot, signal: stop.signal, recolour, close: () => stop.abort() };
}

/** Those of the place where the demo stands: text that is light stands on something dark. */
function colours(node) {
  const ink = getComputedStyle(node).color;
  const [r, g, b] = ink.match(/[\d.]+/g).map(Number);
  const dark = 0.3 * r + 0.6 * g + 0.1 * b > (ink.startsWith('color') ? 0.5 : 128);
  return dark
    ? { dark, ink, ground: '#14181e', faint: '#8a949e', grid: '#3a424b', a: '#6db6ff', b: '#ffb062', c: '#d3a2ff' }
    : { dark, ink, ground: '#ffffff', faint: '#5f6870', grid: '#d5d9dd', a: '#0b5fb0', b: '#a8500a', c: '#7a2fb5' };
}

/** A slider that shows its value, and speaks it: `say(value)` has the unit. `stops` are uneven values. */
export function slider({ label, min, max, step, stops, value, say = String, change }) {
  const [name, shown] = [id(), h('output')];
  const range = stops ? { min: 0, max: stops.length - 1, step: 1 } : { min, max, step };
  const input = h('input', { type: 'range', id: name, ...range });
  const now = () => (stops ? stops[+input.value] : +input.value);
  const show = () => {
    shown.textContent = say(now());
    input.setAttribute('aria-valuetext', say(now()));
  };
  shown.htmlFor.add(name);
  input.addEventListener('input', () => {
    show();
    change(now());
  });
  const node = h('div', { class: 'kit-slider' }, h('label', { for: name }, label), shown, input);
  const self = {
    node,
    get value() { return now(); },
    set value(to) {
      input.value = stops ? stops.indexOf(to) : to;
      show();
    },
    /** Off, with the reason in place of the value. */
    enable(on, why) {
      input.disabled = !on;
      node.classList.toggle('kit-off', !on);
      show();
      if (!on) shown.textContent = why;
    },
  };
  self.value = value;
  return self;
}

/** One of a few, all in sight. `options` are pairs of value and text. */
export function radios({ label, options, value, change }) {
  const name = id();
  const row = options.map(([key, text]) => {
    const input = h('input', { type: 'radio', name, checked: key === value, onchange: () => change(key) });
    return h('label', {}, input, text);
  });
  return { node: h('fieldset', {}, h('legend', {}, label), h('div', { class: 'kit-radios' }, ...row)) };
}

/** One of many. */
export function menu({ label, options, value, change }) {
  const name = id();
  const rows = options.map(([key, text]) => h('option', { value: key, selected: key === value }, text));
  const select = h('select', { id: name, onchange: () => change(select.value) }, ...rows);
  return { node: h('div', { class: 'kit-menu' }, h('label', { for: name }, label), select), select };
}

export function toggle({ label, value, change }) {
  const input = h('input', { type: 'checkbox', checked: value, onchange: () => change(input.checked) });
  return { node: h('label', { class: 'kit-toggle' }, input, label) };
}

export function button({ label, press }) {
  const node = h('button', { type: 'button', onclick: press }, label);
  return { node };
}

/** Play and stop: `tick(seconds since the last one)` until it answers false. */
export function player({ label, tick, signal }) {
  let last = null;
  const set = (on) => {
    last = on ? performance.now() : null;
    node.textContent = on ? '■ stop' : `▶ ${label}`;
    node.setAttribute('aria-label', on ? 'stop' : label);
  };
  const run = (now) => {
    if (last === null || signal.aborted) return;
    const more = tick(Math.max(0, now - last) / 1000);
    last = now;
    if (more === false) set(false);
    else requestAnimationFrame(run);
  };
  const press = () => {
    set(last === null);
    requestAnimationFrame(run);
  };
  const node = h('button', { type: 'button', onclick: press });
  set(false);
  return { node, stop: () => set(false) };
}

/** A line that is read out, once it has not changed for a moment. */
export function status() {
  const node = h('p', { class: 'kit-note', role: 'status' });
  let waits;
  return {
    node,
    say(text) {
      clearTimeout(waits);
      waits = setTimeout(() => { if (node.textContent !== text) node.textContent = text; }, 250);
    },
  };
}

/** A table of numbers: `set(rows)`, each a list that begins with its name. */
export function numbers({ label, columns }) {
  const body = h('tbody');
  const head = h('tr', {}, ...columns.map((name) => (name ? h('th', { scope: 'col' }, name) : h('td'))));
  return {
    node: h('table', { 'aria-label': label }, h('thead', {}, head), body),
    set(rows) {
      const cells = ([name, ...rest]) => [h('th', { scope: 'row' }, name), ...rest.map((x) => h('td', {}, x))];
      body.replaceChildren(...rows.map((row) => h('tr', {}, ...cells(row))));
    },
  };
}
