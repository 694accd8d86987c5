// Two globals that other scripts read once, as they start. So this file comes first and is not deferred.

// The theme's Font Awesome replaces every <i class="fa-..."> by an <svg>. A widget's Play button keeps the <i> it made
// and later changes its class; with the node gone it throws, and from then on no linked widget on the page moves.
// 'nest' draws the icon inside the <i> and leaves the <i> in the page.
window.FontAwesomeConfig = { autoReplaceSvg: 'nest' };

// require.js takes its configuration from here. The widget bundle holds all its modules and looks for its icon fonts
// where each module's name would be a file; these two prefixes make that the bundle's own folder for every one of them.
(function () {
  const widgets = new URL('vendor/widgets', document.currentScript.src).href;
  window.require = {
    paths: { '@jupyter-widgets': widgets, '@jupyter-widgets/html-manager/dist': widgets },
  };
})();

// Every widget with a description asks MathJax 2 to typeset it. The book has MathJax 3; this hands the request on.
document.addEventListener('DOMContentLoaded', () => {
  const mathjax = window.MathJax;
  if (mathjax && !mathjax.Hub) {
    mathjax.Hub = { Queue: ([, , node]) => mathjax.typesetPromise && mathjax.typesetPromise([node]) };
  }
});
