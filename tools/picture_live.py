"""Take the pictures that stand where a demo will run: ``python tools/picture_live.py [NAME ...]``.

Each is what the demo shows by itself, without its controls, once it has come to rest. Needs a
Chromium, as the browser tests do, and playwright.
"""

import io
import os
import shutil
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from try_live import write

from workshop_lite import live
from workshop_lite.live.assets import STATIC

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def taken(tab, address: str) -> Image.Image:
    """The stage of the demo at this address, when two looks a second apart are the same."""
    tab.goto(address)
    tab.add_style_tag(content=".kit-stage { align-self: start }")  # no empty space beside controls
    tab.click(".live-run")
    tab.mouse.move(0, 0)  # pointing at nothing
    tab.locator(".live-on").wait_for()
    tab.wait_for_timeout(500)
    said = "[...document.querySelectorAll('[role=status]')].map((node) => node.textContent)"
    tab.wait_for_function(f"() => {said}.every((text) => !text.endsWith('…'))")
    stage, last = tab.locator(".kit-stage"), None
    while last != (now := stage.screenshot(animations="disabled")):
        last = now
        tab.wait_for_timeout(1500)
    return Image.open(io.BytesIO(now))


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for name in names:
            if not (file := STATIC / f"{name}.webp").exists():  # no page without a picture
                Image.new("L", (2, 2)).save(file)
        write(Path(folder))
        handler = partial(SimpleHTTPRequestHandler, directory=folder)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(device_scale_factor=2)
        for name in names:
            picture = taken(tab, f"http://127.0.0.1:{server.server_port}/{name}.html")
            picture.save(STATIC / f"{name}.webp", quality=55, method=6)
            print(name, picture.size, (STATIC / f"{name}.webp").stat().st_size)
        browser.close()
        server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:] or sorted(set(live.__all__) - {"Demo"}))
