"""Writes a page of the manual for each command, made from its help, into a folder: `python docs/manual.py FOLDER`."""

import sys
from pathlib import Path

import click
from click_man.core import write_man_pages

import codec
from codec.cli.main import cli

context = click.Context(cli)
for name in cli.list_commands(context):  # commands are loaded when first used; click-man looks for loaded ones
    cli.add_command(cli.get_command(context, name), name)
Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
write_man_pages("codec", cli, version=codec.__version__, target_dir=sys.argv[1])
