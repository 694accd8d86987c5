// What every page does besides the theme's own scripts.

// What is wider than its place fades out on the side where it goes on, and the keyboard reaches it.
const WIDE = 'div.highlight pre, div.math, .wide, .pst-scrollable-table-container, div.cell_output > .output, dt.sig';

function mark(box) {
  const hidden = box.scrollWidth - box.clientWidth;
  box.classList.toggle('goes-on', hidden - box.scrollLeft > 4);
  if (hidden > 4 && !box.hasAttribute('tabindex')) box.tabIndex = 0;
}

const sizes = new ResizeObserver((entries) => entries.forEach((entry) => mark(entry.target)));
document.querySelectorAll(WIDE).forEach((box) => {
  sizes.observe(box);
  box.addEventListener('scroll', () => mark(box), { passive: true });
});

// On paper all that is folded is open, all pictures are there, and the ground is white.
const paper = matchMedia('print');
let screen = null;

function print() {
  if (screen) return;
  const folded = [...document.querySelectorAll('details:not([open])')];
  screen = { folded, theme: document.documentElement.dataset.theme };
  for (const details of folded) details.open = true;
  document.documentElement.dataset.theme = 'light';
  document.querySelectorAll('img[loading]').forEach((image) => image.removeAttribute('loading'));
}

function read() {
  if (!screen) return;
  for (const details of screen.folded) details.open = false;
  document.documentElement.dataset.theme = screen.theme;
  screen = null;
}

addEventListener('beforeprint', print);
addEventListener('afterprint', read);
paper.addEventListener('change', () => (paper.matches ? print() : read()));
