"""Latents to streams and back; what images and audio share."""
