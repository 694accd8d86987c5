// The look of a demo. Inside of the module, so that a demo is one file wherever it is shown.
export const css = `
.kit { --kit-line: color-mix(in srgb, currentColor 28%, transparent); border: 1px solid var(--kit-line);
  border-radius: 0.5rem; box-sizing: border-box; container-type: inline-size; font-size: 0.9375rem; line-height: 1.45;
  margin: 1rem 0; padding: 0.75rem; position: relative; text-align: left; }
.kit *, .kit *::before { box-sizing: border-box; }
.kit p { margin: 0 0 0.6rem; }
.kit .kit-title { font-weight: 600; margin-bottom: 0.1rem; }
.kit .kit-runs { font-size: 0.8125rem; }
.kit .kit-body { display: grid; gap: 0.75rem 1.25rem; grid-template-columns: minmax(0, 1fr); }
@container (min-width: 600px) { .kit .kit-body { grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); } }
.kit .kit-controls { align-content: start; display: grid; gap: 0.3rem; grid-template-columns: minmax(0, 1fr); }
.kit .kit-row { align-items: center; display: flex; flex-wrap: wrap; gap: 0.35rem; }
.kit .kit-pair { display: grid; gap: 0.75rem; grid-template-columns: repeat(2, minmax(0, 1fr)); margin-top: 0.5rem; }
.kit .kit-pair p, .kit .kit-note { font-size: 0.8125rem; font-variant-numeric: tabular-nums; margin: 0.2rem 0 0; }
.kit label, .kit legend, .kit output { font-size: 0.875rem; margin: 0; }
.kit .kit-slider { align-items: center; column-gap: 0.75rem; display: grid; grid-template-columns: 1fr auto; }
.kit .kit-slider output { font-variant-numeric: tabular-nums; }
.kit .kit-slider input { accent-color: var(--kit-a); cursor: pointer; grid-column: 1 / 3; height: 32px; margin: 0;
  touch-action: pan-y; width: 100%; }
.kit fieldset { border: 0; margin: 0; min-width: 0; padding: 0; }
.kit legend { padding: 0; }
.kit .kit-radios { display: flex; flex-wrap: wrap; gap: 0.25rem; }
.kit .kit-radios label, .kit .kit-toggle { align-items: center; cursor: pointer; display: inline-flex; gap: 0.35rem;
  min-height: 32px; padding-right: 0.5rem; }
.kit input[type=radio], .kit input[type=checkbox] { accent-color: var(--kit-a); flex: none; height: 18px; margin: 0;
  width: 18px; }
.kit .kit-menu { align-items: center; display: grid; gap: 0.75rem; grid-template-columns: auto minmax(0, 1fr); }
.kit select, .kit button { background: color-mix(in srgb, currentColor 8%, transparent); border: 1px solid var(--kit-line);
  border-radius: 0.35rem; color: inherit; cursor: pointer; font: inherit; font-size: 0.875rem; min-height: 34px;
  padding: 0.2rem 0.7rem; }
.kit select option { background: var(--kit-ground); color: var(--kit-ink); }
.kit select { max-width: 100%; min-width: 0; width: 100%; }
.kit button:disabled, .kit :disabled, .kit .kit-off { cursor: not-allowed; opacity: 0.55; }
.kit :focus-visible { outline: 2px solid var(--kit-a); outline-offset: 2px; }
.kit .kit-plane { border: 1px solid var(--kit-line); border-radius: 0.25rem; position: relative; width: 100%; }
.kit .kit-plane canvas { background: none; display: block; filter: none; height: 100%; inset: 0; position: absolute; width: 100%; }
.kit .kit-handle { border-radius: 50%; cursor: grab; display: grid; height: 36px; margin: -18px 0 0 -18px;
  place-items: center; position: absolute; touch-action: none; width: 36px; }
.kit .kit-handle::before { background: var(--kit-mark); border: 2px solid var(--kit-ground); border-radius: 50%;
  box-shadow: 0 0 0 1.5px var(--kit-mark); content: ''; height: 14px; width: 14px; }
.kit .kit-handle.kit-ring::before { background: var(--kit-ground); border: 4px solid var(--kit-mark); box-shadow: none;
  height: 17px; width: 17px; }
.kit .kit-handle.kit-probe::before { border-radius: 2px; rotate: 45deg; }
.kit .kit-handle:active { cursor: grabbing; }
.kit table { border-collapse: collapse; display: table; font-size: 0.8125rem; margin: 0.4rem 0; width: 100%; }
.kit th, .kit td { border: 0; border-bottom: 1px solid var(--kit-line); font-variant-numeric: tabular-nums; font-weight: 400;
  padding: 0.25rem 0.4rem 0.25rem 0; text-align: right; }
.kit th:first-child { text-align: left; }
.kit thead th { font-weight: 600; }
.kit code { background: none; border: 0; color: inherit; font-size: 0.8125rem; overflow-wrap: anywhere; padding: 0; white-space: pre-wrap; }
.kit .kit-caption { font-size: 0.875rem; margin: 0.6rem 0 0; }
.kit .kit-key { display: inline-block; height: 0.7em; margin-right: 0.3em; width: 0.7em; }
.kit .kit-spoken { clip-path: inset(50%); height: 1px; overflow: hidden; position: absolute; white-space: nowrap; width: 1px; }
.kit .kit-over { position: relative; }
.kit .kit-veil { background: none; height: 100%; image-rendering: pixelated; inset: 0; pointer-events: none; position: absolute; width: 100%; }
.kit .kit-board { cursor: crosshair; outline: 1px solid var(--kit-line); touch-action: none; }
.kit .kit-cursor { border: 1.5px solid var(--kit-a); box-shadow: 0 0 0 1.5px #fff; height: calc(100% / 64); pointer-events: none; position: absolute;
  width: calc(100% / 64); }
.kit .kit-cursor.kit-down { background: var(--kit-a); }
.kit button[aria-pressed=true] { border-color: var(--kit-b); box-shadow: inset 0 0 0 1px var(--kit-b); }
.kit .kit-field { position: relative; }
.kit input[type=text] { background: var(--kit-ground); border: 1px solid var(--kit-line); border-radius: 0.35rem; color: var(--kit-ink); font: inherit;
  min-height: 34px; padding: 0.2rem 0.5rem; width: 100%; }
.kit input[aria-invalid=true] { border-color: var(--kit-b); }
.kit .kit-wrong { color: var(--kit-b); }
.kit .kit-wrong:empty { display: none; }
.kit .kit-options { background: var(--kit-ground); border: 1px solid var(--kit-line); border-radius: 0.35rem; color: var(--kit-ink); left: 0;
  list-style: none; margin: 2px 0 0; max-height: 13rem; overflow: auto; padding: 0; position: absolute; right: 0; z-index: 3; }
.kit .kit-options li { cursor: pointer; margin: 0; min-height: 34px; padding: 0.35rem 0.5rem; }
.kit .kit-options li[aria-selected=true], .kit .kit-options li:hover { background: color-mix(in srgb, var(--kit-a) 20%, transparent); }
.kit .kit-small { max-width: 28rem; }
.kit .kit-face { max-width: min(22rem, 60cqw); }
.kit a { color: var(--kit-a); }
@container (max-width: 599px) { @media (min-height: 600px) {
  .kit .kit-stage { background: var(--pst-color-background, var(--kit-ground)); padding-bottom: 0.4rem; position: sticky;
    top: var(--pst-header-height, 0); z-index: 1; } } }
@media print { .kit .kit-controls { display: none; } }
`;
