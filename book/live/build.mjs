// Bundles the loaders and the demos into workshop_lite/live/static: a file each, and the demos in two, ready to be committed.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const files = (folder) =>
  readdirSync(join(here, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : files(path);
    return /\.(m?js|css|json)$/.test(entry.name) ? [path] : [];
  });

// The same as tests/test_live.py: every source, in order of its name, as its name, a zero and its text.
const digest = createHash('sha256');
for (const path of files('').sort()) digest.update(`${path}\0`).update(readFileSync(join(here, path)));
const banner = `/* made by tools/live.sh from book/live, sha256 ${digest.digest('hex')} */`;

// A worker is started from its text: in a notebook there is no address to start it from.
const workers = {
  name: 'workers',
  setup(on) {
    on.onLoad({ filter: /worker\.js$/ }, async ({ path }) => {
      const { outputFiles } = await build({ ...options, entryPoints: [path], write: false, banner: {} });
      return { contents: outputFiles[0].text, loader: 'text' };
    });
  },
};

const options = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  charset: 'utf8',
  legalComments: 'none',
  format: 'esm',
  target: 'es2022',
  banner: { js: banner, css: banner },
  outdir: '../../workshop_lite/live/static',
};
await Promise.all([
  ...['demos.js', 'painters.js', 'widget.js', 'live.css'].map((path) => build({ ...options, entryPoints: [path], plugins: [workers] })),
  build({ ...options, entryPoints: ['loader.js'], format: 'iife', target: 'es2017', supported: { 'dynamic-import': true } }),
]);
