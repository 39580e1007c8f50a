"""`codec`: the group of commands, and how errors become one line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import codec
from codec.bitstream.errors import CodecError
from codec.cli.files import EXIT_FAILED, say

EXIT_INTERRUPTED = 130
# those that this system has: Windows knows no SIGHUP, and only Windows SIGBREAK
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
VARIABLE = "CODEC_WEIGHTS"
# its threads start with numpy and wait for small products by turning, which costs a short command a quarter of its time
THREADS_OF_NUMPY = "OPENBLAS_NUM_THREADS"
# in the order of the help: name, and the function in the module of that name
COMMANDS = {
    "compress": "compress",
    "decompress": "decompress",
    "info": "info",
    "verify": "verify",
    "features": "features",
    "anomaly": "anomaly",
    "archive": "archive",
    "restore": "restore",
    "diff": "diff",
    "eval": "evaluate",
    "bench": "bench",
    "train": "train",
    "export": "export",
    "weights": "weights",
    "serve": "serve",
    "completion": "completion",
}


class Interrupted(Exception):
    """Ctrl-C, past click's own handling."""


class Commands(click.Group):
    """The group: a command's module is loaded when it is asked for; an interrupt is ours to report."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"codec.cli.{cmd_name}"), COMMANDS[cmd_name])
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Interrupted from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, parameter, asked: _say_version(context) if asked else None,
    help="Show the version and the weights that are here, and exit.",
)
@click.option(
    "--weights",
    "more_weights",
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help="A weights file to compress with and to decompress what needs it, or a folder of weights that files may need. "
    "The same as the variable CODEC_WEIGHTS.",
)
def cli(more_weights: Path | None) -> None:
    """Compress images and audio with neural networks into .lcc files.

    Exit codes: 0 success, 1 a file is wrong (one line says why), 2 wrong usage, 3 a file was restored in
    part (decompress --partial), 4 a file cannot be judged here (verify) or its weights are missing (weights needed).
    """
    if more_weights is not None:
        # also of the processes that commands start
        os.environ[VARIABLE] = str(more_weights.absolute())


def _say_version(context: click.Context) -> None:
    """The version, then a line for each set of weights."""
    from codec.cli.weights import installed_lines

    click.echo(f"codec, version {codec.__version__}")
    for line in installed_lines():
        click.echo(line)
    context.exit()


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits the process."""
    os.environ.setdefault(THREADS_OF_NUMPY, "1")
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
    code = _run(arguments)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            say(f"cannot write to standard output: {error.strerror}")
        code = code or EXIT_FAILED
        # point stdout nowhere, so that Python's own flush at exit is quiet
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _interrupt(number: int, frame: object) -> None:
    """Ends as Ctrl-C does: nothing unfinished stays behind."""
    raise KeyboardInterrupt


def _run(arguments: Sequence[str] | None) -> int:
    try:
        # commands return nothing; click returns the code of an Exit that they raise
        return cli.main(arguments, prog_name="codec", standalone_mode=False) or 0
    except Interrupted:
        say("interrupted")
        return EXIT_INTERRUPTED
    except CodecError as error:
        say(str(error))
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        pass  # the reader of our output has left
    except OSError as error:
        say(f"{error.filename or 'output'}: {error.strerror or error}")
    return EXIT_FAILED


if __name__ == "__main__":
    main()
