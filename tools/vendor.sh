#!/usr/bin/env bash
# Fetch the JavaScript that the book's pages load, from npm, into book/_static/vendor; and what runs the networks of the
# live demos into workshop_lite/live/engine, because the package has the demos too.
#
#   bash tools/vendor.sh
#
# The files are committed, so nobody needs to run this except to change a version. Only what the pages ask for is
# kept: one MathJax component with its fonts and TeX extensions, one bundle of Jupyter's widget views with its icon
# fonts, and the module loader that bundle needs. requirejs, html-manager and onnxruntime-web publish no licence
# text in their packages; those LICENSE files were added by hand and this script leaves them alone.
set -euo pipefail

mathjax=3.2.2
requirejs=2.3.7
html_manager=1.0.15
onnxruntime=1.30.0
fontawesome=5.15.4 # the licence of the icon fonts inside html-manager

here=$(cd "$(dirname "$0")/.." && pwd)/book/_static/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() { # package version -> $work/NAME/package
  local name=${1##*/}
  mkdir -p "$work/$name"
  (cd "$work/$name" && npm pack --silent "$1@$2" >/dev/null && tar xzf ./*.tgz)
}

fetch mathjax "$mathjax"
from=$work/mathjax/package
rm -rf "$here/mathjax"
mkdir -p "$here/mathjax/output/chtml/fonts" "$here/mathjax/input/tex"
cp "$from/es5/tex-mml-chtml.js" "$from/LICENSE" "$here/mathjax/"
cp -r "$from/es5/output/chtml/fonts/woff-v2" "$here/mathjax/output/chtml/fonts/"
cp -r "$from/es5/input/tex/extensions" "$here/mathjax/input/tex/"

fetch requirejs "$requirejs"
mkdir -p "$here/requirejs"
cp "$work/requirejs/package/require.js" "$here/requirejs/"

fetch @jupyter-widgets/html-manager "$html_manager"
fetch @fortawesome/fontawesome-free "$fontawesome"
from=$work/html-manager/package/dist
mkdir -p "$here/widgets"
rm -f "$here"/widgets/*.woff2
# The last line of the bundle names a source map that is not shipped; without the line no browser asks for it.
sed '/^\/\/# sourceMappingURL=/d' "$from/embed-amd.js" > "$here/widgets/embed-amd.js"
cp "$from"/*.woff2 "$here/widgets/"
cp "$from/embed.js.LICENSE.txt" "$here/widgets/LICENSE-bundled.txt"
cp "$work/fontawesome-free/package/LICENSE.txt" "$here/widgets/LICENSE-fontawesome.txt"

# Of the runtime the build for CPUs, one script and one binary; compressed, because not every server would do it.
fetch onnxruntime-web "$onnxruntime"
from=$work/onnxruntime-web/package/dist
engine=$here/../../../workshop_lite/live/engine
mkdir -p "$engine"
sed '/^\/\/# sourceMappingURL=/d' "$from/ort.wasm.bundle.min.mjs" > "$engine/ort.wasm.bundle.min.mjs"
gzip -9 -n -c "$from/ort-wasm-simd-threaded.wasm" > "$engine/ort-wasm-simd-threaded.wasm.gz"
(cd "$engine" && sha256sum ort* > SHA256SUMS)

du -sh "$here" "$engine"
