// Brings a page's saved widgets to life when the first of them comes near: until then the page is light.
{
  const me = document.currentScript;
  const address = (file) => new URL(file, me.src).href;
  const views = document.querySelectorAll('script[type="application/vnd.jupyter.widget-view+json"]');

  const waking = document.documentElement.classList;
  waking.add('waking');

  const load = (src) =>
    new Promise((done, failed) =>
      document.head.append(Object.assign(document.createElement('script'), { src, onload: done, onerror: failed })),
    );

  // Sliders and Play buttons come without names. What a slider is called and where it stands is written beside it.
  function name(area) {
    for (const slider of area.querySelectorAll('.widget-slider')) {
      const [label, value] = ['.widget-label', '.widget-readout'].map((of) => slider.querySelector(of)?.textContent);
      const handles = slider.querySelectorAll('.noUi-handle');
      handles.forEach((handle, i) => {
        set(handle, 'aria-label', handles.length > 1 ? `${label}, ${i ? 'to' : 'from'}` : label);
        set(handle, 'aria-valuetext', value);
      });
    }
    for (const play of area.querySelectorAll('.widget-play')) {
      ['Play or pause', 'Stop', 'Repeat'].forEach((label, i) => set(play.querySelectorAll('button')[i], 'aria-label', label));
    }
    for (const box of area.querySelectorAll('.widget-readout[contenteditable]')) set(box, 'aria-label', 'value');
  }
  function set(element, attribute, value) {
    if (element && value && element.getAttribute(attribute) !== value) element.setAttribute(attribute, value);
  }

  async function wake() {
    // require.js takes its configuration from here. The bundle holds all its modules and looks for its icon fonts
    // where each module's name would be a file; these two prefixes make that the bundle's own folder.
    const folder = address('vendor/widgets');
    window.require = { paths: { '@jupyter-widgets': folder, '@jupyter-widgets/html-manager/dist': folder } };
    // Every widget with a description asks MathJax 2 to typeset it. The book has MathJax 3; this hands the request on.
    const mathjax = (window.MathJax ??= {});
    mathjax.Hub ??= { Queue: ([, , node]) => mathjax.typesetPromise?.([node]) };
    try {
      await Promise.all([load(address(`state/${me.dataset.state}`)), load(address('vendor/requirejs/require.js'))]);
      await load(address('vendor/widgets/embed-amd.js'));
    } catch {
      waking.remove('waking'); // and the sentence under each picture is seen
    }
  }

  const near = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      near.disconnect();
      wake();
    },
    { rootMargin: '800px' },
  );
  const changes = { subtree: true, childList: true, characterData: true, attributeFilter: ['aria-valuetext'] };
  // Not before MathJax, which also waits for the end of the page.
  addEventListener('DOMContentLoaded', () => {
    for (const { parentElement: area } of views) {
      near.observe(area);
      new MutationObserver(() => name(area)).observe(area, changes);
    }
  });
}
