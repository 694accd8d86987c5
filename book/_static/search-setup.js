// What Sphinx's search reads before it starts: chapters come before other pages, and the list of what they cite last.
var Scorer = {
  score: ([page, , , , score]) => score + (page.startsWith('notebooks/') ? 10 : page === 'book/bibliography' ? -20 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

// A page opened as a file may not read the others.
if (location.protocol === 'file:') DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

document.addEventListener('DOMContentLoaded', () => {
  // An excerpt is of the text, not of the contents list beside it.
  Search.htmlToText = (html, anchor) => {
    const article = new DOMParser().parseFromString(html, 'text/html').querySelector('article');
    article.querySelectorAll('.headerlink, script, style').forEach((needless) => needless.remove());
    const part = anchor ? article.querySelector(anchor) : null;
    return (part?.textContent.trim() ? part : article).textContent.replace(/\s+/g, ' ');
  };
  if (location.protocol === 'file:') {
    const told = 'Opened as a file, the book finds pages by their words but shows no excerpts; make serve opens it with everything.';
    document.getElementById('search-results').before(Object.assign(document.createElement('p'), { textContent: told }));
  }
});
