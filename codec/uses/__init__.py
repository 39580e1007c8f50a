"""What latents are good for besides files: features, likelihood, samples, denoising (docs/latents.md)."""
