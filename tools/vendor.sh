#!/usr/bin/env bash
# Fetch the JavaScript that the book's pages load, from npm, into book/_static/vendor.
#
#   bash tools/vendor.sh
#
# The files are committed, so nobody needs to run this except to change a version. Only what the pages ask for is
# kept: one MathJax component with its fonts and TeX extensions, one bundle of Jupyter's widget views with its icon
# fonts, and the module loader that bundle needs. requirejs and html-manager publish no licence text in their
# packages; those two LICENSE files were added by hand and this script leaves them alone.
set -euo pipefail

mathjax=3.2.2
requirejs=2.3.7
html_manager=1.0.15
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

du -sh "$here"
