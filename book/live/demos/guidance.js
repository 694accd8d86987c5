export default {
  render({ el }) {
    el.textContent = 'to be written';
    return () => {};
  },
};
