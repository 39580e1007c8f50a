"""Training: data, objective, loop and export. The runtime never imports it."""
