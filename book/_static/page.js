// What every page does besides the theme's own scripts.

// What is wider than its place fades out on the side where it goes on, and the keyboard reaches it.
const WIDE = 'div.highlight pre, .wide, .pst-scrollable-table-container, div.cell_output > .output, dt.sig';

function mark(box) {
  const hidden = box.scrollWidth - box.clientWidth;
  box.classList.toggle('goes-on', hidden - box.scrollLeft > 4);
  if (hidden > 4 && !box.hasAttribute('tabindex')) box.tabIndex = 0;
}

const sizes = new ResizeObserver((entries) => entries.forEach((entry) => mark(entry.target)));

function watch(boxes) {
  document.querySelectorAll(boxes).forEach((box) => {
    sizes.observe(box);
    box.addEventListener('scroll', () => mark(box), { passive: true });
  });
}

watch(WIDE);
window.MathJax?.startup?.promise.then(() => watch('mjx-container[display="true"]'));

// On paper all that is folded is open, all pictures are there, and the ground is white.
const paper = matchMedia('print');
let before = null; // how the page was on the screen

function toPaper() {
  if (before) return;
  before = { folded: [...document.querySelectorAll('details:not([open])')], theme: document.documentElement.dataset.theme };
  before.folded.forEach((details) => (details.open = true));
  document.documentElement.dataset.theme = 'light';
  document.querySelectorAll('img[loading]').forEach((image) => image.removeAttribute('loading'));
}

function toScreen() {
  if (!before) return;
  before.folded.forEach((details) => (details.open = false));
  document.documentElement.dataset.theme = before.theme;
  before = null;
}

addEventListener('beforeprint', toPaper);
addEventListener('afterprint', toScreen);
paper.addEventListener('change', () => (paper.matches ? toPaper() : toScreen()));
