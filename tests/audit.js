// What a page shows wrongly, as sentences. Run in the page by tests/test_browser.py.
() => {
  const trouble = [];
  const article = document.querySelector('article.bd-article');
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  const where = (element) => {
    const id = element.closest('[id]')?.id;
    return `<${element.tagName.toLowerCase()} class="${element.className}"> of #${id}: ${element.textContent.trim().slice(0, 40)}`;
  };
  const onPaper = matchMedia('print').matches;
  const phone = innerWidth < 500 && !onPaper;

  // Nothing is cut, unless it scrolls and a fading edge says so; on paper nothing scrolls.
  for (const box of article.querySelectorAll('*')) {
    const hidden = box.scrollWidth - box.clientWidth;
    if (hidden <= 4 || !box.clientWidth || box.closest('svg, mjx-container *, span.math, input, .noUi-target, select')) continue;
    const style = getComputedStyle(box);
    if (style.display === 'inline' || !seen(box)) continue;
    if (style.overflowX === 'visible') {
      const right = article.getBoundingClientRect().right;
      if (onPaper && box.getBoundingClientRect().left + box.scrollWidth > right + 4 && !box.firstElementChild?.closest('div, section, figure, article'))
        trouble.push(`runs over the paper by ${hidden}: ${where(box)}`);
    } else if (onPaper) trouble.push(`cut on paper by ${hidden}: ${where(box)}`);
    else if (style.overflowX === 'hidden' || style.overflowX === 'clip') trouble.push(`cut by ${hidden}: ${where(box)}`);
    else if (style.maskImage === 'none') trouble.push(`scrolls without a sign by ${hidden}: ${where(box)}`);
    else if (box.tabIndex < 0) trouble.push(`no key scrolls it: ${where(box)}`);
  }

  for (const formula of article.querySelectorAll('mjx-container[display="true"]')) {
    const lost = formula.getBoundingClientRect().left - formula.firstElementChild.getBoundingClientRect().left;
    if (seen(formula) && lost > 2) trouble.push(`begins ${lost} before its place: ${where(formula)}`);
  }

  for (const link of document.querySelectorAll('.prev-next-area a')) {
    const { left, right } = link.getBoundingClientRect();
    if (seen(link) && (left < 0 || right > innerWidth)) trouble.push(`off the screen: ${where(link)}`);
  }

  // Words of 10 points and more, drawn at 100 pixels an inch, are 9 pixels high and more; and as sharp as a good screen.
  for (const image of article.querySelectorAll('figure img')) {
    if (!seen(image) || !image.hasAttribute('width')) continue;
    const { width } = image.getBoundingClientRect();
    const scale = width / image.getAttribute('width');
    if (phone && image.getAttribute('width') > 480 && scale < 0.648) trouble.push(`words of ${(scale * 13.9).toFixed(1)} pixels: ${image.src}`);
  }

  if (onPaper) {
    for (const details of article.querySelectorAll('details:not([open])')) trouble.push(`folded on paper: ${where(details)}`);
    const ground = getComputedStyle(document.documentElement).backgroundColor;
    for (const words of article.querySelectorAll('h1, h2, p, pre, td, figcaption')) {
      if (!seen(words)) continue;
      const light = getComputedStyle(words).color.match(/\d+/g).slice(0, 3).every((part) => part > 140);
      if (light) { trouble.push(`pale on paper (${getComputedStyle(words).color} on ${ground}): ${where(words)}`); break; }
    }
  }
  return trouble;
}
