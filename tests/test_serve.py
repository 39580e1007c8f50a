"""`codec serve`: real requests to a real server; the page in headless Chromium."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import codec
from codec import media
from tests.clips import melody
from tests.conftest import PARROTS, PATIENCE_S, SPEECH
from tests.web_server import Server, served

pytest.importorskip("starlette", reason="needs starlette")
pytest.importorskip("uvicorn", reason="needs uvicorn")

from codec.cli.serving.app import application
from codec.cli.serving.work import Limits

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LIMITS = Limits(upload_bytes=1_000_000, pixels=200_000, seconds=20, effort=3, time_s=1200)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served(application(LIMITS, ["127.0.0.1"])) as found:
        yield found


@pytest.fixture(scope="module")
def small() -> bytes:
    """The bytes of a PNG, 160 x 128."""
    out = BytesIO()
    with Image.open(PARROTS) as image:
        image.crop((200, 100, 360, 228)).save(out, "PNG")
    return out.getvalue()


def parts_of(body: bytes) -> dict[str, bytes]:
    """The parts of a multipart body, by name."""
    boundary = body.split(b"\r\n", 1)[0]
    found = {}
    for part in body.split(boundary + b"\r\n")[1:]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="(\w+)"', head)
        assert name
        found[name[1].decode()] = content.removesuffix(boundary + b"--\r\n").removesuffix(b"\r\n")
    return found


def error_of(answer: tuple[int, bytes]) -> tuple[int, str]:
    return answer[0], json.loads(answer[1])["error"]


def test_a_picture_comes_back_coded_restored_and_described(server: Server, small: bytes) -> None:
    status, body = server.post("/code?quality=40", small)
    parts = parts_of(body)
    facts = json.loads(parts["facts"])
    assert status == 200
    assert parts["file"] == codec.compress(small, 40)
    restored = np.asarray(Image.open(BytesIO(parts["restored"])))
    assert np.array_equal(restored, codec.decompress(parts["file"], output="array"))
    assert (facts["media"], facts["width"], facts["height"]) == ("image", 160, 128)
    assert (facts["source_bytes"], facts["bytes"]) == (len(small), len(parts["file"]))
    if "ssimulacra2" in facts:
        assert 20 < facts["ssimulacra2"] < 95


def test_a_sound_and_a_coded_file_come_back_too(server: Server) -> None:
    parts = parts_of(server.post("/code?quality=0", SPEECH.read_bytes())[1])
    facts = json.loads(parts["facts"])
    assert (facts["media"], facts["duration_s"]) == ("audio", 5)
    assert parts["restored"].startswith(b"RIFF")
    again = parts_of(server.post("/code", parts["file"])[1])
    assert again["restored"] == parts["restored"]
    assert "encode_s" not in json.loads(again["facts"])


def bomb(side: int = 50_000) -> bytes:
    """A PNG of a few bytes that says that it has many pixels."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*named) for named in chunks)


def test_bombs_cut_files_text_and_what_is_too_large_are_refused_in_words(server: Server, small: bytes) -> None:
    status, words = error_of(server.post("/code", bomb()))
    assert status == 413
    assert "50000 x 50000" in words
    assert error_of(server.post("/code", small[: len(small) // 2]))[0] == 422
    status, words = error_of(server.post("/code", codec.compress(small)[:-20]))
    assert status == 422
    assert "truncated" in words
    status, words = error_of(server.post("/code", b"Dear server, this is no picture." * 9))
    assert (status, words) == (422, "not an image, or a clip, of a known format or kind")
    assert error_of(server.post("/code", bytes(LIMITS.upload_bytes + 1)))[0] == 413
    assert error_of(server.post("/code", b""))[0] == 400
    assert error_of(server.post("/code", codec.compress(np.zeros((500, 500, 3), np.uint8))))[0] == 413


@pytest.mark.parametrize(
    "wish", ["quality=101", "quality=nan", "effort=4", "effort=x", "effort=2&metric=no", "metric=msssim"]
)
def test_wishes_that_cannot_be_are_refused(wish: str, server: Server, small: bytes) -> None:
    assert server.post(f"/code?{wish}", small)[0] == 400


def test_other_sites_and_other_names_are_kept_out(server: Server, small: bytes) -> None:
    assert server.post("/code", small, Content_Type="text/plain")[0] == 415  # all that pages of other sites may send
    assert server.post("/code", small, Host="evil.example")[0] == 400
    assert server.ask("GET", "/")[0] == 200
    assert server.ask("GET", "/../app.py")[0] == 404
    assert server.ask("GET", "/code")[0] in (404, 405)


def test_many_requests_side_by_side_all_get_their_own_answer(server: Server) -> None:
    pictures = []
    for seed in range(4):
        out = BytesIO()
        Image.fromarray(np.full((16, 16, 3), 60 * seed, np.uint8)).save(out, "PNG")
        pictures.append(out.getvalue())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: server.post("/code", pictures[number % 4]), range(16)))
    for number, (status, body) in enumerate(answers):
        assert status == 200
        assert parts_of(body)["file"] == codec.compress(pictures[number % 4])


def test_work_ends_when_its_time_is_over(small: bytes) -> None:
    with served(application(Limits(time_s=1e-6), ["127.0.0.1"])) as server:
        for data in (small, SPEECH.read_bytes(), codec.compress(small)):
            status, words = error_of(server.post("/code", data))
            assert status == 503
            assert "longer than this server gives" in words


def test_work_ends_when_nobody_waits_for_it() -> None:
    messages = [{"type": "http.request", "body": SPEECH.read_bytes(), "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/octet-stream")]
    scope = {"type": "http", "method": "POST", "path": "/code", "query_string": b"quality=0", "headers": headers}
    asyncio.run(application(LIMITS, ["127.0.0.1"])(scope, receive, send))
    assert sent[0]["status"] == 503  # which nobody reads


@pytest.mark.slow
def test_the_command_says_where_it_listens_and_ends_on_an_interrupt() -> None:
    command = [sys.executable, "-m", "codec.cli", "serve", "--port", "0"]
    # a shell that runs this in the background has its children ignore interrupts
    heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heeded)
    assert process.stderr is not None
    line = process.stderr.readline()
    assert re.fullmatch(r"codec: http://127\.0\.0\.1:\d+ until Ctrl-C\n", line), line
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_page_shows_a_picture_and_a_sound_and_what_is_wrong(small: bytes, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    picture, text, sound = tmp_path / "small.png", tmp_path / "text.txt", tmp_path / "sound.wav"
    sound.write_bytes(media.audio_bytes(melody(0.5), ".wav"))
    picture.write_bytes(small)
    text.write_text("no picture")
    coded = tmp_path / "coded.lcc"
    coded.write_bytes(codec.compress(small))
    with served(application(LIMITS, ["127.0.0.1"])) as server, playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=CHROMIUM)
        playwright.expect.set_options(timeout=1000 * PATIENCE_S)
        page = browser.new_page()
        page.set_default_timeout(1000 * PATIENCE_S)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: message.type == "error" and faults.append(message.text))
        page.goto(f"http://127.0.0.1:{server.port}")
        page.set_input_files("#file", picture)
        playwright.expect(page.locator("#restored")).to_have_js_property("naturalWidth", 160)
        playwright.expect(page.locator("#status")).to_have_text("small.png")
        small_size = page.inner_text("#facts div:nth-child(2) dd")
        stage = page.locator("#stage").bounding_box()
        assert stage
        page.mouse.move(stage["x"] + 5, stage["y"] + 5)
        page.mouse.down()
        page.mouse.move(stage["x"] + stage["width"] * 0.75, stage["y"] + 5, steps=3)
        page.mouse.up()
        assert float(page.input_value("#wipe")) == pytest.approx(75, abs=1)
        page.locator("#quality").fill("95")
        playwright.expect(page.locator("#facts div:nth-child(2) dd")).not_to_have_text(small_size)
        page.set_input_files("#file", text)
        page.wait_for_selector("#status.wrong")
        assert page.inner_text("#status").startswith("text.txt: not an image")
        assert not page.is_visible("main")
        assert faults.pop().startswith("Failed to load resource")  # Chromium says so of every 4xx
        page.set_input_files("#file", sound)
        playwright.expect(page.locator("#restored-sound")).to_have_js_property("duration", 0.5)
        assert page.is_visible("#sound")
        assert not page.is_visible("#picture")
        assert page.is_disabled("#effort")
        page.set_input_files("#file", coded)
        playwright.expect(page.locator("#status")).to_have_text("coded.lcc")
        playwright.expect(page.locator("#restored")).to_have_js_property("naturalWidth", 160)
        assert page.is_enabled("#effort")
        assert not page.is_visible("#wipe")
        browser.close()
    assert not faults
