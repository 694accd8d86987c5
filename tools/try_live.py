"""Serve every demo on a page of its own, without a book: ``python tools/try_live.py [PORT]``."""

import shutil
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from workshop_lite import live
from workshop_lite.live.assets import files

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{name}</title><link rel="stylesheet" href="live/live.css">
<body style="font-family: sans-serif; margin: auto; max-width: 52rem"><h1>{name}</h1>
{demo}
<script defer src="live/loader.js"></script>
"""


def write(folder: Path) -> None:
    """Pages ``NAME.html``, and the files of the demos in ``live``."""
    (folder / "live").mkdir(parents=True, exist_ok=True)
    for name, path in files().items():
        shutil.copyfile(path, folder / "live" / name)
    for name in set(live.__all__) - {"Demo"}:
        demo = getattr(live, name)().html("live")
        (folder / f"{name}.html").write_text(PAGE.format(name=name, demo=demo), encoding="utf8")


if __name__ == "__main__":
    folder = Path("_build/live")
    write(folder)
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    print(*(f"http://localhost:{port}/{page.name}" for page in folder.glob("*.html")), sep="\n")
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    ThreadingHTTPServer(("127.0.0.1", port), handler).serve_forever()
