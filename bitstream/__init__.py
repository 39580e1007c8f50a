"""The file format: bytes, tables and the range coder. Never imports torch; SPEC.md is its text."""
