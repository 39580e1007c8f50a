"""Surfaces with defects and hums of machines with faults, synthesised: everything follows from a seed.

An image is (96, 96, 3) uint8, a clip (24000, 1) float32 at 48 kHz. Each example has its own chance in texture, light,
level and phase, so no two ordinary ones are alike sample by sample.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from codec.media import Pixels, Samples

SIDE = 96
RATE, SAMPLES = 48_000, 24_000
Doubles = npt.NDArray[np.float64]
Chance = np.random.Generator


def _smooth(x: Doubles, *sigma: float) -> Doubles:
    """With a Gaussian of these widths along the axes, in samples, around the edges."""
    spectrum = np.fft.fftn(x)
    for axis, width in enumerate(sigma):
        f = np.fft.fftfreq(x.shape[axis])
        shape = [-1 if other == axis else 1 for other in range(x.ndim)]
        spectrum *= np.exp(-2 * (np.pi * f * width) ** 2).reshape(shape)
    smooth: Doubles = np.fft.ifftn(spectrum).real
    return smooth


def _unit(x: Doubles) -> Doubles:
    found: Doubles = (x - x.mean()) / x.std()
    return found


def _noise(chance: Chance, *sigma: float) -> Doubles:
    """Of mean 0 and variance 1, smoothed."""
    return _unit(_smooth(chance.normal(size=(SIDE, SIDE)), *sigma))


def _grid(chance: Chance, turn: float = 0.03) -> tuple[Doubles, Doubles]:
    """Coordinates in pixels, a little turned and shifted."""
    down, across = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    angle = chance.normal(0, turn)
    y, x = chance.uniform(0, SIDE, 2)
    return down * np.cos(angle) + across * np.sin(angle) + y, across * np.cos(angle) - down * np.sin(angle) + x


def weave(chance: Chance) -> Doubles:
    """Threads that cross."""
    y, x = _grid(chance)
    over = np.sign(np.sin(np.pi * x / 6) * np.sin(np.pi * y / 6))
    threads = np.where(over > 0, np.abs(np.sin(np.pi * x / 6)), np.abs(np.sin(np.pi * y / 6)))
    made: Doubles = 110 + 60 * threads + 10 * over + 6 * _noise(chance, 1, 1)
    return made


def metal(chance: Chance) -> Doubles:
    """Brushed along its rows."""
    return 150 + 14 * _noise(chance, 0.6, 20) + 8 * _noise(chance, 3, 40) + 3 * _noise(chance, 0, 0)


def stone(chance: Chance) -> Doubles:
    """Grains of several sizes."""
    return 120 + 18 * _noise(chance, 1.5, 1.5) + 14 * _noise(chance, 5, 5) + 6 * _noise(chance, 0.5, 0.5)


def tiles(chance: Chance) -> Doubles:
    """Squares with joints, each of its own shade."""
    y, x = _grid(chance, 0.01)
    shade = chance.normal(0, 8, (8, 8))[(y // 24).astype(int) % 8, (x // 24).astype(int) % 8]
    joint = np.minimum(np.abs(y % 24 - 12), np.abs(x % 24 - 12)) > 0
    edge = np.maximum(np.abs(y % 24 - 12), np.abs(x % 24 - 12)) > 10.5
    return np.where(edge & joint, 90, 170 + shade) + 5 * _noise(chance, 1, 1)


def wood(chance: Chance) -> Doubles:
    """Rings that run along it."""
    y, x = _grid(chance, 0.05)
    bend = 6 * _noise(chance, 12, 30)
    return 130 + 22 * np.sin((y + bend) / 2.2 + np.sin(x / 40)) + 8 * _noise(chance, 0.5, 8)


SURFACES: dict[str, Callable[[Chance], Doubles]] = {
    "weave": weave,
    "metal": metal,
    "stone": stone,
    "tiles": tiles,
    "wood": wood,
}


def _spot(chance: Chance, least: float, most: float) -> Doubles:
    """1 within a disc that is a little out of round, soft at its edge, 0 outside."""
    y, x = np.mgrid[:SIDE, :SIDE]
    top, left = chance.uniform(16, SIDE - 16, 2)
    radius = chance.uniform(least, most) * (1 + 0.15 * _noise(chance, 8, 8))
    made: Doubles = np.clip((radius - np.hypot(y - top, x - left)) / 1.5 + 0.5, 0, 1)
    return made


def scratch(grey: Doubles, chance: Chance) -> Doubles:
    """A thin bright or dark line."""
    y, x = np.mgrid[:SIDE, :SIDE]
    angle, (top, left) = chance.uniform(0, np.pi), chance.uniform(24, SIDE - 24, 2)
    along = (y - top) * np.sin(angle) + (x - left) * np.cos(angle)
    aside = np.abs((y - top) * np.cos(angle) - (x - left) * np.sin(angle) + 0.005 * along**2)
    line = np.clip(1.5 - aside, 0, 1) * (np.abs(along) < chance.uniform(14, 24))
    made: Doubles = grey + chance.choice([-1, 1]) * chance.uniform(35, 60) * line
    return made


def hole(grey: Doubles, chance: Chance) -> Doubles:
    """A small dark spot."""
    spot = _spot(chance, 3, 6)
    return grey * (1 - spot) + 40 * spot


def stain(grey: Doubles, chance: Chance) -> Doubles:
    """A wide area that is a little darker or brighter, texture and all."""
    made: Doubles = grey + chance.choice([-1, 1]) * chance.uniform(20, 35) * _spot(chance, 10, 18)
    return made


def worn(grey: Doubles, chance: Chance) -> Doubles:
    """An area without its texture."""
    spot = _spot(chance, 10, 16)
    return grey * (1 - spot) + _smooth(grey, 5, 5) * spot


def turned(grey: Doubles, chance: Chance) -> Doubles:
    """An area whose texture comes from elsewhere and runs the other way."""
    spot = _spot(chance, 10, 16)
    return grey * (1 - spot) + np.rot90(grey) * spot


DEFECTS: dict[str, Callable[[Doubles, Chance], Doubles]] = {
    "scratch": scratch,
    "hole": hole,
    "stain": stain,
    "worn": worn,
    "turned": turned,
}


def surface(kind: str, seed: int, defect: str | None = None) -> Pixels:
    """An image of a surface, ordinary or with a defect."""
    chance = np.random.default_rng((seed, list(SURFACES).index(kind)))
    grey = SURFACES[kind](chance)
    if defect:
        grey = DEFECTS[defect](grey, chance)
    light = 1 + 0.05 * _noise(chance, 60, 60) + chance.normal(0, 0.02)
    tint = np.array([1.0, 0.95, 0.88])
    pixels = (grey * light)[..., None] * tint + chance.normal(0, 1.5, (SIDE, SIDE, 3))
    made: Pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return made


def _coloured(chance: Chance, low: float, high: float, samples: int = SAMPLES) -> Doubles:
    """Noise between two frequencies in Hz, of variance 1."""
    f = np.fft.rfftfreq(samples, 1 / RATE)
    shape = 1 / (1 + (f / high) ** 4) * (f**4 / (f**4 + low**4))
    return _unit(np.fft.irfft(np.fft.rfft(chance.normal(size=samples)) * shape, samples))


def _hum(chance: Chance, pitch: float, fall: float, count: int, wobble: float = 0.002) -> Doubles:
    """Harmonics of a pitch in Hz that fall by a power, whose levels vary by a decibel; of variance 1."""
    t = np.arange(SAMPLES) / RATE
    pitch *= 1 + chance.normal(0, 0.004)
    phase = pitch * t + wobble * pitch / 6 * np.sin(2 * np.pi * (3 * t + chance.uniform()))
    levels = np.arange(1, count + 1) ** -fall * 10 ** (chance.normal(0, 0.05, count))
    tones = [a * np.sin(2 * np.pi * (n * phase + chance.uniform())) for n, a in enumerate(levels, 1)]
    return _unit(np.sum(tones, 0))


MACHINES: dict[str, Callable[[Chance], Doubles]] = {
    "motor": lambda chance: _hum(chance, 50, 0.8, 24) + 0.2 * _coloured(chance, 200, 3000),
    "fan": lambda chance: 0.5 * _hum(chance, 87, 1.2, 8) + _coloured(chance, 60, 1200),
    "pump": lambda chance: _hum(chance, 31, 1.0, 40) * (1 + 0.3 * _beat(chance, 7)) + 0.3 * _coloured(chance, 80, 2000),
    "gear": lambda chance: _hum(chance, 410, 0.7, 16) + 0.5 * _hum(chance, 23, 1.0, 10)
    + 0.2 * _coloured(chance, 300, 6000),
    "hiss": lambda chance: 0.2 * _hum(chance, 100, 1.0, 6) + _coloured(chance, 1500, 9000),
}  # fmt: skip


def _beat(chance: Chance, rate: float) -> Doubles:
    """A slow sine of a rate in Hz."""
    return np.sin(2 * np.pi * (rate * np.arange(SAMPLES) / RATE + chance.uniform()))


def knock(x: Doubles, chance: Chance) -> Doubles:
    """Blows a few times a second that ring."""
    blows, every = np.zeros(SAMPLES), RATE / chance.uniform(6, 12)
    blows[np.arange(chance.uniform(0, every), SAMPLES, every).astype(int)] = 1
    t = np.arange(2000) / RATE
    ring = np.exp(-t * 250) * np.sin(2 * np.pi * chance.uniform(900, 2500) * t)
    return x + chance.uniform(0.5, 0.9) * np.convolve(blows, ring)[:SAMPLES]


def rattle(x: Doubles, chance: Chance) -> Doubles:
    """Bursts of noise."""
    gate = np.maximum(_beat(chance, chance.uniform(15, 30)), 0) ** 4
    return x + chance.uniform(0.2, 0.35) * gate * _coloured(chance, 2000, 9000)


def squeal(x: Doubles, chance: Chance) -> Doubles:
    """A faint high tone."""
    t = np.arange(SAMPLES) / RATE
    tone = np.sin(2 * np.pi * (chance.uniform(3000, 7000) * t + 2 * np.sin(2 * np.pi * 5 * t)))
    made: Doubles = x + chance.uniform(0.05, 0.1) * tone
    return made


def stutter(x: Doubles, chance: Chance) -> Doubles:
    """It loses its power for moments."""
    gap = 1.0 / (1 + np.exp(-40 * (_beat(chance, chance.uniform(2, 4)) - 0.8)))
    return x * (1 - chance.uniform(0.5, 0.8) * gap)


def dull(x: Doubles, chance: Chance) -> Doubles:
    """Its harmonics fade above some frequency, as behind a cover."""
    f = np.fft.rfftfreq(SAMPLES, 1 / RATE)
    return np.fft.irfft(np.fft.rfft(x) / np.sqrt(1 + (f / chance.uniform(400, 900)) ** 2), SAMPLES)


FAULTS: dict[str, Callable[[Doubles, Chance], Doubles]] = {
    "knock": knock,
    "rattle": rattle,
    "squeal": squeal,
    "stutter": stutter,
    "dull": dull,
}


def hum(kind: str, seed: int, fault: str | None = None) -> Samples:
    """A clip of a machine, ordinary or with a fault."""
    chance = np.random.default_rng((seed, 100 + list(MACHINES).index(kind)))
    x = MACHINES[kind](chance)
    if fault:
        x = FAULTS[fault](x, chance)
    x = 0.08 * 10 ** chance.normal(0, 0.05) * x + 0.001 * chance.normal(size=SAMPLES)
    return np.clip(x, -1, 1).astype(np.float32)[:, None]
