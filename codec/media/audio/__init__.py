"""Audio files and arrays, at either end."""
