"""Images that are no photographs, for training: screens with text, charts, pixel art, gradients, flat colours.

Drawn with Pillow and matplotlib from a seed. All of them are even in large parts and sharp elsewhere, and their colours
go to the corners of the cube, where photographs hardly ever are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 512  # pixels, and more where crops are larger
INKS = ((0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255), (0, 255, 255))
LETTERS = "etaoinshrdlucmfwypvbgkqjxz0123456789"
TEXT_SIZES = (9, 11, 13, 16, 22, 34)  # pixels
DOTS_PER_INCH = 100


def drawn(seed: int, number: int, least: int) -> Image.Image:
    """The RGB image of a number, kinds in turn, sides of at least `least` pixels."""
    rng = np.random.default_rng((seed, number))
    return KINDS[number % len(KINDS)](rng, max(SIDE, least))


def _color(rng: np.random.Generator) -> tuple[int, int, int]:
    """Of a corner of the cube as often as of anywhere in it."""
    if rng.random() < 0.5:
        return INKS[rng.integers(len(INKS))]
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def _share(color: tuple[int, int, int]) -> tuple[float, float, float]:
    """A colour in 0..1, as matplotlib takes it."""
    red, green, blue = color
    return red / 255, green / 255, blue / 255


def _words(rng: np.random.Generator, count: int) -> str:
    return " ".join("".join(rng.choice(list(LETTERS), rng.integers(1, 10))) for _ in range(count))


def _screen(rng: np.random.Generator, side: int) -> Image.Image:
    """A window of bars, boxes and lines of text."""
    paper = (255, 255, 255) if rng.random() < 0.4 else _color(rng)
    image = Image.new("RGB", (side, side), paper)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(2, 14)):
        left, top = rng.integers(0, side, 2).tolist()
        width, height = rng.integers(8, side // 2, 2).tolist()
        outline = _color(rng) if rng.random() < 0.5 else None
        draw.rectangle((left, top, left + width, top + height), fill=_color(rng), outline=outline)
    y = int(rng.integers(0, 20))
    while y < side:
        size = int(rng.choice(TEXT_SIZES))
        font = ImageFont.load_default(size)
        draw.text((int(rng.integers(0, side // 3)), y), _words(rng, 14), fill=_color(rng), font=font)
        y += int(size * rng.uniform(1.2, 2.5))
    return image


def _page(rng: np.random.Generator, side: int) -> Image.Image:
    """One ink on one paper."""
    image = Image.new("RGB", (side, side), _color(rng))
    draw = ImageDraw.Draw(image)
    size = int(rng.choice(TEXT_SIZES))
    font, ink = ImageFont.load_default(size), _color(rng)
    for y in range(4, side, round(size * 1.4)):
        draw.text((6, y), _words(rng, 30), fill=ink, font=font)
    return image


def _line_art(rng: np.random.Generator, side: int) -> Image.Image:
    """Smooth lines and ellipses, drawn at twice the size."""
    image = Image.new("RGB", (2 * side, 2 * side), _color(rng))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(10, 60)):
        ends = rng.integers(0, 2 * side, 4)
        if rng.random() < 0.3:
            (left, right), (top, bottom) = sorted(ends[:2].tolist()), sorted(ends[2:].tolist())
            draw.ellipse((left, top, right, bottom), outline=_color(rng), width=int(rng.integers(1, 12)))
        else:
            draw.line(ends.tolist(), fill=_color(rng), width=int(rng.integers(1, 12)))
    return image.resize((side, side), Image.Resampling.LANCZOS)


def _pixel_art(rng: np.random.Generator, side: int) -> Image.Image:
    """Cells of a few colours, some of them repeating."""
    cell = int(rng.choice([1, 2, 4, 8, 16]))
    palette = np.array([_color(rng) for _ in range(rng.integers(2, 9))], np.uint8)
    cells = -(-side // cell)
    motif = int(rng.choice([2, 4, 8, cells]))
    places = np.tile(rng.integers(0, len(palette), (motif, motif)), (-(-cells // motif),) * 2)[:cells, :cells]
    return Image.fromarray(np.kron(palette[places], np.ones((cell, cell, 1), np.uint8))[:side, :side])


def _gradient(rng: np.random.Generator, side: int) -> Image.Image:
    """From one colour to another, in any direction."""
    y, x = np.mgrid[:side, :side] / side
    share = (np.cos(angle := rng.uniform(0, 2 * np.pi)) * x + np.sin(angle) * y)[..., None]
    share = (share - share.min()) / np.ptp(share)
    first, last = np.array(_color(rng)), np.array(_color(rng))
    return Image.fromarray(np.round(first + share * (last - first)).astype(np.uint8))


def _flat(rng: np.random.Generator, side: int) -> Image.Image:
    """A few large areas of one colour each."""
    image = Image.new("RGB", (side, side), _color(rng))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(0, 3)):
        left, top = rng.integers(0, side, 2).tolist()
        draw.rectangle((left, top, side, side), fill=_color(rng))
    return image


def _chart(rng: np.random.Generator, side: int) -> Image.Image:
    """Lines, bars or points with axes and labels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((side / DOTS_PER_INCH,) * 2, DOTS_PER_INCH, facecolor=_share(_color(rng)))
    axes = figure.add_subplot()
    for _ in range(rng.integers(1, 5)):
        x, y = np.arange(20), rng.normal(size=20).cumsum()
        draw: Callable[..., object] = (axes.plot, axes.bar, axes.scatter)[rng.integers(3)]
        draw(x, y, color=_share(_color(rng)), label=_words(rng, 1))
    axes.set_title(_words(rng, 3))
    axes.grid(bool(rng.random() < 0.5))
    axes.legend()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    rgba = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return Image.fromarray(rgba[:side, :side, :3].copy())


KINDS: tuple[Callable[[np.random.Generator, int], Image.Image], ...] = (
    _screen,
    _page,
    _line_art,
    _pixel_art,
    _gradient,
    _flat,
    _chart,
    _screen,
)
