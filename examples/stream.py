"""Codes audio as it comes and plays it as it arrives: `python examples/stream.py OUT.wav`."""

import sys
import wave

import numpy as np

import codec

if len(sys.argv) != 2:
    sys.exit(__doc__)

RATE_HZ, BLOCK = 48_000, 4_800  # a tenth of a second
encoder, decoder = codec.audio_encoder(RATE_HZ, 1, quality=40), codec.audio_decoder()

with wave.open(sys.argv[1], "wb") as out:
    out.setnchannels(1)
    out.setsampwidth(2)
    out.setframerate(RATE_HZ)

    def play(samples: np.ndarray) -> None:
        """What a sound card would do: float32 (n, 1), within full scale."""
        out.writeframes(np.rint(samples.clip(-1, 1) * 32767).astype("<i2").tobytes())

    sent = 0
    for start in range(0, 5 * RATE_HZ, BLOCK):
        t = np.arange(start, start + BLOCK) / RATE_HZ
        heard = 0.3 * np.sin(2 * np.pi * (220 * t + 20 * np.sin(3 * t)))  # what a microphone would give
        data = encoder.push(heard.astype(np.float32)[:, None])  # bytes of a file, as soon as they are settled
        sent += len(data)
        play(decoder.push(data))
    data = encoder.finish()
    play(decoder.push(data))
    play(decoder.finish())
    print(f"{(sent + len(data)) * 8 / 5000:.1f} kbit/s")
