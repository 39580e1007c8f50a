"""`codec archive`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.bitstream.errors import CodecError
from codec.cli import files, options

if TYPE_CHECKING:
    from codec.archive import Layout, Planned, Summary

SHARDS: dict[str, Layout] = {"tar": "shards", "zip": "zip shards"}
SHOWN = 20  # notices and errors, a line each


class _ShardsAlone(click.Command):
    """A command whose option --shards has a value of its own where none follows."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments that are left, as click has it."""
        alone, pairs = "--shards=tar", zip(args, [*args[1:], ""], strict=True)
        told = [alone if arg == "--shards" and following not in SHARDS else arg for arg, following in pairs]
        return super().parse_args(ctx, told)


@click.command(cls=_ShardsAlone)
@click.argument("source", type=options.Folder())
@click.argument("dest", type=options.Folder(exists=False))
@click.option(
    "--mode",
    metavar="MODE",
    help='How files are stored: exact, lossless (pixels), lossless-jxl, visually-lossless, "quality N", "psnr N" of '
    'images or "bitrate N" (kbit/s) of audio. Other kinds, what is broken, or would lose anything else is stored '
    "exactly.  "
    "[default: exact]",
)
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file: mode = MODE, and tables [[rule]] of a pattern and a mode; the first that matches counts.",
)
@click.option(
    "--shards",
    type=click.Choice(list(SHARDS)),
    help="Store tar files of up to 10,000 files, or zip files, not a mirror of the folder; --shards alone means tar.",
)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes, of a thread each.")
@click.option(
    "--ray",
    "ray",
    is_flag=False,
    flag_value="",
    metavar="[ADDRESS]",
    help="Give the work to a Ray cluster whose machines see both folders; to a new one here without an address.",
)
@options.state_option
def archive(
    source: Path | str,
    dest: Path | str,
    mode: str | None,
    policy_file: Path | None,
    shards: str | None,
    workers: int,
    ray: str | None,
    state_folder: Path | None,
) -> None:
    """Store the folder SOURCE in the archive DEST, a new one or one that SOURCE was stored in before.

    Both may be addresses, such as s3://bucket/photos, where fsspec and its package for that kind are installed.

    A run that was stopped, however that came, goes on where it was; later runs store what is new or changed.
    Exit code 1 where any file failed.
    """
    from codec import archive as archives

    with options.usage_errors():
        if mode is not None and policy_file is not None:
            raise ValueError("--mode and --policy contradict each other: give one of them")
        policy = archives.read_policy(policy_file) if policy_file else None
        if mode is not None:
            policy = archives.Policy(archives.Mode.parse(mode))
    with _Progress() as progress:
        summary = archives.build(
            source,
            dest,
            policy=policy,
            kind=SHARDS[shards] if shards else None,
            crew=archives.Crew(workers, ray),
            show=progress.show,
            state_folder=state_folder,
        )
    _say(summary)
    if summary.failed:
        raise CodecError(f"{summary.failed} failed; the next run tries again")


class _Progress:
    """A bar of bytes, on terminals."""

    def __enter__(self) -> _Progress:
        from tqdm import tqdm

        self._bar = tqdm(unit="B", unit_scale=True, disable=None, leave=False)
        return self

    def __exit__(self, *ended: object) -> None:
        self._bar.close()

    def show(self, planned: Planned, done: Planned, summary: Summary) -> None:
        """What is done of what is planned."""
        self._bar.total, self._bar.n = planned.bytes, done.bytes
        self._bar.set_description(f"{done.entries:,} of {planned.entries:,} entries, {summary.failed} failed")


def _say(summary: Summary) -> None:
    for lines in (summary.notices, summary.errors):
        for line in lines[:SHOWN]:
            files.say(line)
        if len(lines) > SHOWN:
            files.say(f"and {len(lines) - SHOWN} more, as the catalogue has them")
    if summary.resumed:
        click.echo("went on with the plan of an earlier run; run again to store what has changed since it was made")
    share = f", {summary.stored_bytes / summary.source_bytes:.1%}" if summary.source_bytes else ""
    click.echo(f"{summary.entries:,} entries planned, {summary.new:,} done now")
    click.echo(
        f"{summary.stored:,} files stored: {summary.source_bytes:,} bytes -> {summary.stored_bytes:,} bytes{share}; "
        f"{summary.failed} failed, {summary.left_out} left out, {len(summary.notices)} notices"
    )
