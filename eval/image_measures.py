"""The metrics of images. Pixels are (H, W, 1 or 3) uint8.

Those that are slow are taken at rates that somebody compares only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from codec.eval import machine, metrics
from codec.eval.measure import Measure, Packaged
from codec.eval.medium import BUTTERAUGLI_3, BUTTERAUGLI_MAX, GMSD, LPIPS, MS_SSIM, PSNR_RGB, PSNR_Y, SSIMULACRA2, VMAF
from codec.eval.metrics import luma, psnr_db, rgb
from codec.eval.results import Item
from codec.media import Pixels

SLOW_RATES_BPP = (0.08, 2.0)  # where slow metrics are taken; well beyond the equal rates that are compared
BUTTERAUGLI, FFMPEG = "butteraugli_main", "ffmpeg"
LPIPS_VARIABLE = "CODEC_LPIPS"
SMALLEST_SIDE = 8


class ToolFailed(RuntimeError):
    """A program did not give a score."""


def _said(*command: str) -> str:
    """What a program writes to standard output. Raises ToolFailed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ToolFailed(f"{command[0]}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return done.stdout


class _Slow(Measure):
    media = "images"

    def wants(self, item: Item, rate: float) -> bool:
        low, high = SLOW_RATES_BPP
        return low <= rate <= high


class Psnr(Measure):
    """Over RGB and over luma."""

    name, media, metrics = "psnr", "images", (PSNR_RGB, PSNR_Y)

    def scores(self, x: Pixels, x_hat: Pixels) -> dict[str, float | None]:
        return {PSNR_RGB.key: psnr_db(rgb(x), rgb(x_hat)), PSNR_Y.key: psnr_db(luma(x), luma(x_hat))}

    def identity(self) -> str:
        return "1"


class MsSsim(_Slow):
    """Over RGB."""

    name, metrics = "ms_ssim", (MS_SSIM,)

    def scores(self, x: Pixels, x_hat: Pixels) -> dict[str, float | None]:
        return {MS_SSIM.key: metrics.ms_ssim(x, x_hat)}

    def identity(self) -> str:
        return "1"


class Ssimulacra2(_Slow, Packaged):
    """By the package ssimulacra2, which is not the code that weights are trained with."""

    name, metrics, package, module = "ssimulacra2", (SSIMULACRA2,), "ssimulacra2", "ssimulacra2"

    def scores(self, x: Pixels, x_hat: Pixels) -> dict[str, float | None]:
        return {SSIMULACRA2.key: metrics.ssimulacra2(x, x_hat)}


class Butteraugli(_Slow):
    """The maximum and the 3-norm by libjxl's butteraugli_main, at the 80 nits of its default.

    Source: Alakuijala 2017, "Guetzli"; github.com/libjxl/libjxl.
    """

    name, metrics = "butteraugli", (BUTTERAUGLI_3, BUTTERAUGLI_MAX)

    def scores(self, x: Pixels, x_hat: Pixels) -> dict[str, float | None]:
        if min(x.shape[:2]) < SMALLEST_SIDE:
            return dict.fromkeys((BUTTERAUGLI_3.key, BUTTERAUGLI_MAX.key))
        with tempfile.TemporaryDirectory() as work:
            said = _said(BUTTERAUGLI, *_written(work, x, x_hat, "ppm"))
        found = re.fullmatch(r"\s*([0-9.e+-]+)\s+3-norm: ([0-9.e+-]+)\s*", said)
        if not found:
            raise ToolFailed(f"{BUTTERAUGLI} said '{said.strip()[:80]}', which is no score")
        return {BUTTERAUGLI_MAX.key: float(found[1]), BUTTERAUGLI_3.key: float(found[2])}

    def identity(self) -> str:
        return f"{BUTTERAUGLI} {_contents_of(shutil.which(BUTTERAUGLI) or '')}"

    def missing(self) -> str | None:
        if shutil.which(BUTTERAUGLI):
            return None
        return f"{BUTTERAUGLI} is not on the PATH (Debian: libjxl-tools, or libjxl-devtools)"


class Gmsd(Measure):
    """Gradient magnitude similarity deviation. Source: Xue 2014, 10.1109/TIP.2013.2293423."""

    name, media, metrics = "gmsd", "images", (GMSD,)

    def scores(self, x: Pixels, x_hat: Pixels) -> dict[str, float | None]:
        found = metrics.gmsd(x, x_hat) if min(x.shape[:2]) >= SMALLEST_SIDE else None
        return {GMSD.key: found}

    def identity(self) -> str:
        return "1"


class Vmaf(_Slow):
    """VMAF of a picture as a video of one frame, 4:4:4, by an FFmpeg with libvmaf.

    Source: github.com/Netflix/vmaf. The FFmpeg of the PATH, or of the package imageio-ffmpeg.
    """

    name, metrics, standard = "vmaf", (VMAF,), False

    def scores(self, x: Pixels, x_hat: Pixels) -> dict[str, float | None]:
        with tempfile.TemporaryDirectory() as work:
            original, copy = _written(work, x, x_hat, "png")
            log = Path(work) / "log.json"
            same = "format=yuv444p"
            chain = f"[0:v]{same}[a];[1:v]{same}[b];[a][b]libvmaf=log_fmt=json:log_path={log.name}:n_threads=1"
            command = [self._ffmpeg(), "-v", "error", "-i", copy, "-i", original, "-lavfi", chain, "-f", "null", "-"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=work)
            if done.returncode or not log.exists():
                raise ToolFailed(f"ffmpeg: {(done.stderr.strip().splitlines() or ['no score'])[-1]}")
            return {VMAF.key: float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"])}

    def identity(self) -> str:
        return _said(self._ffmpeg(), "-hide_banner", "-version").splitlines()[0]

    def missing(self) -> str | None:
        return None if self._ffmpeg() else "no FFmpeg with libvmaf is found (the package imageio-ffmpeg has one)"

    @staticmethod
    @cache
    def _ffmpeg() -> str:
        """The program, "" where none has libvmaf."""
        found = [shutil.which(FFMPEG)]
        if find_spec("imageio_ffmpeg"):
            import imageio_ffmpeg

            found.append(imageio_ffmpeg.get_ffmpeg_exe())
        for program in found:
            if program and " libvmaf " in _said(program, "-hide_banner", "-filters"):
                return program
        return ""


class Lpips(_Slow):
    """LPIPS by a network of the user's: an ONNX file that CODEC_LPIPS names, two inputs (1, 3, H, W) float32 in -1..1.

    Source: Zhang 2018, arXiv:1801.03924, whose weights are not ours to ship.
    """

    name, metrics, standard = "lpips", (LPIPS,), LPIPS_VARIABLE in os.environ

    def scores(self, x: Pixels, x_hat: Pixels) -> dict[str, float | None]:
        session = _network(os.environ[LPIPS_VARIABLE])
        planes = [(rgb(p).astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None] for p in (x, x_hat)]
        [found] = session.run(None, dict(zip((i.name for i in session.get_inputs()), planes, strict=True)))
        return {LPIPS.key: float(np.asarray(found).reshape(()))}

    def identity(self) -> str:
        return f"onnxruntime {version('onnxruntime')}, network {_contents_of(os.environ[LPIPS_VARIABLE])}"

    def missing(self) -> str | None:
        path = os.environ.get(LPIPS_VARIABLE)
        if not path:
            return f"{LPIPS_VARIABLE} names no ONNX file of it"
        return None if Path(path).is_file() else f"{LPIPS_VARIABLE} names {path}, which is no file"


@cache
def _network(path: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@cache
def _contents_of(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def _written(work: str, x: Pixels, x_hat: Pixels, suffix: str) -> list[str]:
    """Both as files that programs read."""
    paths = [str(Path(work) / f"{name}.{suffix}") for name in ("x", "x_hat")]
    for path, pixels in zip(paths, (x, x_hat), strict=True):
        Image.fromarray(rgb(pixels)).save(path)
    return paths


IMAGE_MEASURES: tuple[type[Measure], ...] = (Psnr, MsSsim, Ssimulacra2, Butteraugli, Gmsd, Vmaf, Lpips)


def versions() -> dict[str, str]:
    """The packages behind the metrics that are installed."""
    return machine.versions((Ssimulacra2.package,))
