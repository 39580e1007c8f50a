"""The decoder for the browser, in headless Chromium: latents are those of Python, pixels within one level.

What is not there is named where a test is skipped: node, the packages of `web/` (`npm ci`), Chromium.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import codec
from codec.devices import CPU
from codec.image import decode as image_decode
from codec.media import read_image
from tests import golden
from tests.conftest import PATIENCE_S, ROOT
from tests.test_report import new_page, started_browser

WEB = ROOT / "web"
NODE = shutil.which("node")
NEEDS_PACKAGES = "onnxruntime-web", "esbuild", "typescript"
HASHES: dict[str, str] = json.loads(golden.HASHES.read_text())
DECODE = """async (text) => {
    const coded = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const {error, damage, width, height, png, all} = await decodeLcc(coded, true);
    if (error) return {error};
    const textOf = (values) => {
        if (!values) return null;
        const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
        let letters = "";
        for (let i = 0; i < bytes.length; i += 4096) letters += String.fromCharCode(...bytes.subarray(i, i + 4096));
        return btoa(letters);
    };
    const {channels, bitDepth, pixels, alpha, latents} = all;
    return {damage, shape: [height, width, channels], bitDepth, pixels: textOf(pixels), alpha: textOf(alpha),
        latents: latents.map(textOf), png: textOf(new Uint8Array(await png.arrayBuffer()))};
}"""


def needs_packages() -> None:
    if not NODE:
        pytest.skip("there is no node")
    missing = [name for name in NEEDS_PACKAGES if not (WEB / "node_modules" / name).exists()]
    if missing:
        pytest.skip(f"web/ has no npm packages {' '.join(missing)}: npm ci")


def ran(*command: object) -> None:
    done = subprocess.run(
        [*map(str, command)], cwd=WEB, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page as it is built, with the weights that are shipped, served as static files."""
    needs_packages()
    folder = tmp_path_factory.mktemp("web")
    ran(NODE, "build.mjs", folder)
    ran(sys.executable, "export_model.py", folder / "model")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Any]:
    yield from started_browser()


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page, which is to ask for nothing elsewhere and to throw nothing."""
    found = new_page(browser, 1280)
    faults: list[str] = []
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.on("request", lambda r: None if r.url.startswith((address, "blob:", "data:")) else faults.append(r.url))
    found.goto(address)
    yield found
    assert not faults


class Decoded:
    """What the browser makes of a file."""

    def __init__(self, page: Any, data: bytes) -> None:
        found = page.evaluate(DECODE, base64.b64encode(data).decode())
        self.error = found.get("error")
        if self.error:
            return
        dtype = np.uint8 if found["bitDepth"] == 8 else np.uint16

        def array(text: str, dtype: type) -> np.ndarray:
            return np.frombuffer(base64.b64decode(text), dtype)

        self.damage, self.png = found["damage"], base64.b64decode(found["png"])
        self.pixels = array(found["pixels"], dtype).reshape(found["shape"])
        self.alpha = array(found["alpha"], dtype).reshape(found["shape"][:2]) if found["alpha"] else None
        self.latents = [array(text, np.int32) for text in found["latents"]]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(golden.images().keys() - {golden.JPEG_XL}))
def test_golden_images_are_to_the_browser_what_they_are_to_python(name: str, page: Any, tmp_path: Path) -> None:
    data = golden.file(name)
    found = Decoded(page, data)
    bit_depth = codec.info(data).bit_depth
    expected = image_decode.decode(data, CPU, bit_depth=bit_depth).image
    assert found.damage == []
    assert golden.latents_hash(found.latents) == HASHES[name]
    one = 1 if bit_depth == 8 else 257
    assert np.abs(found.pixels.astype(int) - expected.pixels.astype(int)).max() <= one
    assert (found.alpha is None) == (expected.alpha is None)
    if found.alpha is not None:
        assert (found.alpha == expected.alpha).all()
    (tmp_path / "shown.png").write_bytes(found.png)
    shown = read_image(tmp_path / "shown.png")
    assert (shown.pixels == found.pixels).all()
    assert (shown.icc, shown.exif) == (expected.icc, expected.exif)
    assert shown.alpha is None if found.alpha is None else (shown.alpha == found.alpha).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiles", "quality-50", "alpha", "lossless-deep-tiles"])
@pytest.mark.parametrize("kept", [0.4, 0.8])
def test_of_cut_and_damaged_files_the_browser_knows_what_python_knows(name: str, kept: float, page: Any) -> None:
    data = golden.file(name)
    at = int(kept * len(data))
    for changed in (data[:at], data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]):
        try:
            expected = golden.latents_of(changed, partial=True)
        except codec.CodecError:
            assert Decoded(page, changed).error
            continue
        found = Decoded(page, changed)
        assert found.damage
        assert golden.latents_hash(found.latents) == golden.latents_hash(expected)


@pytest.mark.slow
def test_what_cannot_be_shown_gets_a_line_that_says_why(page: Any) -> None:
    image = golden.file("quality-50")
    earlier = (golden.FOLDER / "earlier" / "quality-50.lcc").read_bytes()
    for data, words in (
        (b"", "no .lcc file"),
        (b"plain text", "no .lcc file"),
        (image[:20], "whole header"),
        (golden.file("audio-mono"), "audio"),
        (golden.file(golden.JPEG_XL), "JPEG XL, which this decoder does not read"),
        (earlier, f"needs weights {codec.info(earlier).weights}"),
    ):
        assert words in Decoded(page, data).error


@pytest.mark.slow
def test_the_page_shows_a_file_and_its_beginning_on_wide_and_narrow_screens(page: Any) -> None:
    tiles = golden.FOLDER / "tiles.lcc"
    page.set_input_files("#file", tiles)
    page.wait_for_function("document.getElementById('status').textContent.includes('decoded in')")
    height, across = golden.images()["tiles"][0].pixels.shape[:2]
    size = "[picture.naturalWidth, picture.naturalHeight]"
    assert page.evaluate(size) == [across, height]
    whole = page.evaluate("picture.src")
    page.evaluate("share.value = 60; share.dispatchEvent(new Event('input'))")
    page.wait_for_function(f"picture.src !== {json.dumps(whole)}")
    assert f"of {tiles.stat().st_size} bytes" in page.inner_text("#part")
    page.set_input_files("#file", golden.FOLDER / "metadata.lcc")  # to be turned, says its EXIF
    page.wait_for_function("document.getElementById('status').textContent.includes('metadata.lcc: 40 x 32')")
    assert page.evaluate(size) == [32, 40]
    for file, words in ((tiles, "decoded in"), (golden.FOLDER / "audio-mono.lcc", "audio")):
        page.set_input_files("#file", file)
        page.wait_for_function(f"document.getElementById('status').textContent.includes('{words}')")
        for width in (1280, 400):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_typescript_has_the_types_that_it_says() -> None:
    needs_packages()
    ran(NODE, WEB / "node_modules" / "typescript" / "bin" / "tsc")


def test_the_lock_of_npm_names_no_registry() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text())
    assert not any("resolved" in package for package in lock["packages"].values())
