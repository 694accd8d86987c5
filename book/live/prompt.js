// A field for words that the network knows: it completes them, and names those that it does not know.
import { h } from './kit.js';
import { completed, trouble } from './maths/words.js';

const PAUSE = 400; // milliseconds without a key, and what stands there is asked for

let count = 0;

/** `change(text)` hears a prompt that can be read, `wrong(sentence)` of one that cannot; with `empty` there need be no word. */
export function prompt({ label, known, value, empty = false, change, wrong = () => {} }) {
  const name = `prompt-${++count}`;
  const note = h('p', { class: 'kit-note kit-wrong', id: `${name}-note`, role: 'status' });
  const list = h('ul', { class: 'kit-options', id: `${name}-list`, role: 'listbox', 'aria-label': `words for ${label}`, hidden: true });
  const input = h('input', {
    id: name, type: 'text', role: 'combobox', value, autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', enterkeyhint: 'go',
    'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': list.id, 'aria-describedby': note.id,
    placeholder: empty ? 'nothing' : null,
  });
  let [asked, found, chosen, waits] = [value, null, -1, 0];

  const show = (options) => {
    chosen = -1;
    input.removeAttribute('aria-activedescendant');
    list.replaceChildren(...options.map((word, i) => h('li', {
      role: 'option', id: `${name}-${i}`, 'aria-selected': 'false', onpointerdown: (event) => event.preventDefault(), onclick: () => take(word),
    }, word)));
    list.hidden = !options.length;
    input.setAttribute('aria-expanded', String(options.length > 0));
  };
  const choose = (i) => {
    const rows = [...list.children];
    chosen = (i + rows.length) % rows.length;
    rows.forEach((row, at) => row.setAttribute('aria-selected', String(at === chosen)));
    rows[chosen].scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', rows[chosen].id);
  };
  const take = (word) => {
    const rest = input.value.slice(found.to) || ' ';
    input.value = input.value.slice(0, found.from) + word + rest;
    const caret = found.from + word.length + (rest === ' ' ? 1 : 0);
    input.setSelectionRange(caret, caret);
    input.focus();
    ask();
  };
  /** Ask for what stands here, unless something is wrong with it or it is asked for already. */
  const ask = (typing = '') => {
    clearTimeout(waits);
    if (!typing) show([]);
    const problem = trouble(known, input.value, { typing, empty });
    note.textContent = problem;
    input.setAttribute('aria-invalid', String(Boolean(problem)));
    if (problem) return wrong(problem);
    const unfinished = typing && !known.includes(typing);
    if (unfinished || input.value === asked) return undefined;
    const go = () => {
      asked = input.value;
      change(asked);
    };
    if (typing) waits = setTimeout(go, PAUSE);
    else go();
    return undefined;
  };
  input.addEventListener('input', () => {
    found = completed(known, input.value, input.selectionStart);
    show(found.options);
    ask(found.word || ' ');
  });
  input.addEventListener('keydown', (event) => {
    const rows = list.hidden ? 0 : list.children.length;
    if (event.key === 'Enter') {
      if (chosen >= 0) take(list.children[chosen].textContent);
      else ask();
    } else if (event.key === 'Escape' && rows) show([]);
    else if (event.key === 'ArrowDown' && rows) choose(chosen + 1);
    else if (event.key === 'ArrowUp' && rows) choose(chosen < 0 ? -1 : chosen - 1);
    else return;
    event.preventDefault();
  });
  input.addEventListener('blur', () => ask());
  const field = h('div', { class: 'kit-field' }, input, list);
  return { node: h('div', { class: 'kit-prompt' }, h('label', { for: name }, label), field, note), get value() { return asked; } };
}
