"""From rows at 48 kHz to the samples of a clip (SPEC-SYNTHESIS, section 5)."""

from __future__ import annotations

import numpy as np

from tests.second_decoder.audio_file import CHUNK, read_rate
from tests.second_decoder.audio_synthesis import FRAMES, HOP, RowSynthesis, noise
from tests.second_decoder.container import HAS_FLOATS, Header, read_varint
from tests.second_decoder.layers import Layers, Reals
from tests.second_decoder.network import Latents, Network

CODED_RATE = 48_000
REACH, KAISER = 130, 17.6  # of the filter that resamples: samples at the lower rate, and the shape of its window
CUTOFF = 0.9555  # as a share of half the lower rate: between 0.912, up to where all is kept, and 1


def clip_of(network: Network, header: Header, samples: int, latents: list[Latents]) -> Reals:
    """(samples, channels) of a clip, at its rate."""
    rate, rows = read_rate(header), len(header.steps)
    coded = (2 * samples * CODED_RATE + rate) // (2 * rate)
    if not coded:
        return np.zeros((samples, rows))
    x = at_coded_rate(network, header, latents)[: -(-coded // HOP) * HOP]
    is_bounded = not header.flags & HAS_FLOATS
    if is_bounded:
        x = turned_down(x)
    x = resampled(x[:coded], rate, samples)
    return without_peaks(x, min(max(rate // 2000, 1), 32)) if is_bounded else x


def at_coded_rate(network: Network, header: Header, latents: list[Latents]) -> Reals:
    """(n, channels) at 48 kHz of all chunks."""
    assert all(chunk.y.shape[1] == CHUNK for chunk in latents[:-1])
    features, symbols = (
        np.concatenate([part(chunk) for chunk in latents], 1) for part in (network.features, network.symbol_features)
    )
    _, at = read_varint(header.payload, header.rest)
    (seed,) = np.frombuffer(header.payload[at : at + 2], "<u2")
    found = []
    for row, step_index in enumerate(header.steps):
        synthesis = RowSynthesis(Layers(network.weights, step_index, header.sizes.middle), header.sizes.draws_signs)
        hiss = noise(int(seed), row, FRAMES * features.shape[1])
        found.append(synthesis.stages(features[row : row + 1], symbols[row : row + 1], hiss)["x"])
    x = np.stack(found, 1)
    for left in header.lefts:
        x[:, left : left + 2] = left_right(x[:, left : left + 2])
    return x


def left_right(x: Reals) -> Reals:
    """(n, 2) left and right of mid and side."""
    return np.stack([x[:, 0] + x[:, 1], x[:, 0] - x[:, 1]], 1) * np.sqrt(0.5)


def turned_down(x: Reals) -> Reals:
    """(n HOP, channels) with hops that peak beyond full scale turned down."""
    hops = x.reshape(-1, HOP, x.shape[1])
    gains = np.clip(0.998 / np.maximum(np.abs(hops).max((1, 2)), 0.998), 0.65, 1)
    borders = np.array([gains[max(border - 5, 0) : border + 5].min() for border in range(len(hops) + 1)])
    ramp = np.arange(HOP) / HOP
    gain = borders[:-1, None] * (1 - ramp) + borders[1:, None] * ramp
    return (hops * gain[..., None]).reshape(x.shape)


def without_peaks(x: Reals, reach: int) -> Reals:
    """(n, channels) with no sample beyond full scale."""
    needed = np.pad(0.999 / np.maximum(np.abs(x).max(1), 0.999), 2 * reach, constant_values=1)
    windows = np.lib.stride_tricks.sliding_window_view
    gain = windows(windows(needed, 2 * reach + 1).min(1), 2 * reach + 1).mean(1)
    return x * gain[:, None]


def resampled(x: Reals, rate: int, samples: int) -> Reals:
    """(samples, channels) at another rate than 48 kHz; silence beyond either end."""
    if rate == CODED_RATE:
        return x
    lower = min(rate / CODED_RATE, 1.0)  # of the two rates, as a share of ours
    reach = int(np.ceil(REACH / lower))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((reach, reach), (0, 0))), 2 * reach, 0)
    phases = rate // np.gcd(rate, CODED_RATE)  # after so many samples the places between samples of ours come again
    at = np.arange(samples) * CODED_RATE // rate
    out = np.empty((samples, x.shape[1]))
    for phase in range(min(phases, samples)):
        t = phase * CODED_RATE / rate - at[phase] + reach - 1 - np.arange(2 * reach)
        shape = np.i0(KAISER * np.sqrt(np.maximum(1 - (t / reach) ** 2, 0))) / np.i0(KAISER)
        kernel = CUTOFF * lower * np.sinc(CUTOFF * lower * t) * shape
        out[phase::phases] = windows[at[phase::phases] + 1] @ kernel
    return out
