"""Image files and arrays, at either end."""
