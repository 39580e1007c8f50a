"""`python -m codec.cli`."""

from codec.cli.main import main

main()
