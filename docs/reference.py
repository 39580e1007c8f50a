"""Writes the API reference, HTML made from the docstrings, into a folder: `python docs/reference.py FOLDER`."""

import sys
from pathlib import Path

import pdoc

import codec

for name in codec.__all__:
    setattr(codec, name, getattr(codec, name))  # names are loaded when first used; pdoc looks for loaded ones
pdoc.render.configure(docformat="google", footer_text=f"codec {codec.__version__}")
pdoc.pdoc("codec", output_directory=Path(sys.argv[1]))
