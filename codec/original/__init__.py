"""Originals: files stored so that every byte comes back, by libraries that know their formats."""
