"""Measurements: rate, distortion, time. Above the codec, below the command line."""
