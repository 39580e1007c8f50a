"""`codec`: the group of commands, and how errors become one line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

import codec
from codec.bitstream.errors import CodecError
from codec.cli.bench import bench
from codec.cli.compress import compress
from codec.cli.decompress import decompress
from codec.cli.eval import evaluate
from codec.cli.export import export
from codec.cli.info import info
from codec.cli.train import train

EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(codec.__version__, prog_name="codec")
def cli() -> None:
    """Compress pictures with neural networks into .lcc files.

    Exit codes: 0 success, 1 a file or picture is wrong (one line says why), 2 wrong usage.
    """


for command in (compress, decompress, info, evaluate, bench, train, export):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits the process."""
    try:
        code = cli.main(arguments, prog_name="codec", standalone_mode=False)
    except CodecError as error:
        code = _say(str(error), 1)
    except click.exceptions.Abort:
        code = _say("interrupted", EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except BrokenPipeError:
        # the reader of our output has left: point stdout nowhere, so that Python's flush at exit is quiet
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code or 0)


def _say(message: str, code: int) -> int:
    click.echo(f"codec: {' '.join(message.split())}", err=True)
    return code


if __name__ == "__main__":
    main()
