// Prompts as workshop_lite.conditioning.text reads them: words, tokens, and what is wrong with a prompt.

export const LENGTH = 16; // tokens to a prompt, the start token included
const SEPARATORS = /[\s.,:;!?…()“”„«»‹›"—]+/;

/** The words of a prompt, in small letters and without the punctuation around them. */
export const split = (prompt) =>
  prompt
    .toLowerCase()
    .replace(/(?<=[\p{L}\p{N}_])['‘](?=[\p{L}\p{N}_])/gu, '’')
    .split(SEPARATORS)
    .map((word) => word.replace(/^['‘’‚–]+|['‘’‚–]+$/g, ''))
    .filter(Boolean);

/** A row of tokens: 1 to start, the words from 2, and 0 to fill up; of no words it is the null prompt. */
export const tokens = (known, prompt) => {
  const row = [1, ...split(prompt).map((word) => known.indexOf(word) + 2)];
  return Int32Array.from({ length: LENGTH }, (_, i) => row[i] ?? 0);
};

/** What is wrong with a prompt, or nothing. `typing` is a word that is not finished: it may still become a known one. */
export function trouble(known, prompt, { typing = '', empty = false } = {}) {
  const words = split(prompt);
  const begun = (word) => word === typing && known.some((one) => one.startsWith(word));
  const unknown = words.filter((word) => !known.includes(word) && !begun(word));
  if (unknown.length) return `${unknown.map((word) => `“${word}”`).join(', ')}: not among the ${known.length.toLocaleString('en')} words that the network knows.`;
  if (words.length >= LENGTH) return `At most ${LENGTH - 1} words are read; here are ${words.length}.`;
  return words.length || empty ? '' : 'There is no word here.';
}

/** The word in which the caret stands: where it begins and ends, and the known words that begin as it does. */
export function completed(known, text, caret, most = 6) {
  const from = text.slice(0, caret).search(/[^\s.,:;!?()"]*$/);
  const to = caret + text.slice(caret).search(/[\s.,:;!?()"]|$/);
  const word = text.slice(from, to).toLowerCase();
  const options = word ? known.filter((one) => one.startsWith(word) && one !== word) : [];
  return { from, to, word, options: options.slice(0, most) };
}
