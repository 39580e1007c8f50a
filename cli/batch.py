"""Many files through a command: side by side, one bad file among good ones, a line for each in the order given."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar

import click

from codec.bitstream.errors import CodecError, MediaError
from codec.cli.files import EXIT_INCOMPLETE, STREAM, Input, check_target, fill_output, named, read_input, say, shown
from codec.cli.inputs import Found, Job
from codec.workers import ordered_map, shared_out

READ_AND_WRITE = 0o666  # the permissions that outputs take over

Convert = Callable[[Input, str, BinaryIO], Sequence[str]]  # input, name of the output, output; gives the damage
Answer = TypeVar("Answer")
Status = Literal["done", "incomplete", "skipped", "planned", "failed"]


@dataclass(frozen=True)
class Habits:
    """What commands that convert files are told beside what to make of them; see the options of these names."""

    recursive: bool
    jobs: int | None
    skip_existing: bool
    force: bool
    keep_times: bool
    rm: bool
    dry_run: bool
    as_json: bool
    quiet: bool
    verbose: bool

    def __post_init__(self) -> None:
        for one, other in (("force", "skip_existing"), ("quiet", "verbose")):
            if getattr(self, one) and getattr(self, other):
                names = " and ".join(f"--{name.replace('_', '-')}" for name in (one, other))
                raise click.UsageError(f"{names} contradict each other")

    def check(self, jobs: Sequence[Job]) -> None:
        """Raises click.UsageError for streams where they cannot be."""
        for source, target in jobs:
            if self.rm and STREAM in (source, target):
                raise click.UsageError("--rm is for files that become files, not for standard streams")
            if self.as_json and target == STREAM:
                raise click.UsageError("--json and the output would both go to standard output: give -o a file")


@dataclass
class Report:
    """What became of an input. Sizes in bytes, None where there is none; removed: whether the input was."""

    input: str
    output: str
    status: Status = "done"
    input_bytes: int | None = None
    output_bytes: int | None = None
    seconds: float = 0.0
    removed: bool = False
    notices: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    error: str | None = None


class Stopping(threading.Event):
    """Set when a batch ends early; work that takes long asks it."""

    def check(self, done: float = 0.0) -> None:
        """Raises CodecError once it is set; takes the share of the work that is done, as `progress` of the library."""
        if self.is_set():
            raise CodecError("interrupted")


@dataclass(frozen=True, eq=False)
class _Task:
    """A job, and the one before it that has the same output."""

    job: Job
    before: _Task | None
    ended: threading.Event = field(default_factory=threading.Event)
    made: list[str] = field(default_factory=list)  # the input that the output was made from


@dataclass(frozen=True)
class Batch:
    """How jobs are done.

    convert: writes the output of an input. verify: of an input and its output that was written: raises CodecError where
    that is not whole; if it is, the input may be removed. workers: that work side by side.
    """

    habits: Habits
    convert: Convert
    verify: Callable[[str, str], None]
    workers: int = 1
    stopping: Stopping = field(default_factory=Stopping)

    def run(self, jobs: Sequence[Job]) -> None:
        """Converts every input, going on after a bad one; progress on a terminal only.

        New files get the permissions of their inputs, and where asked for their time of change. What was just made from
        one input is not overwritten with another.
        Raises CodecError at the end where any input failed, click's Exit where all were converted and one is
        incomplete; click.UsageError before anything is done.
        """
        self.habits.check(jobs)
        unseen = len(jobs) < 2 or self.habits.quiet or self.habits.as_json
        failed = incomplete = 0
        reports = ordered_map(self._report, _tasks(jobs), self.workers, self.workers, self.stopping.set)
        with _counted(len(jobs), unseen) as count:
            for report, error in reports:
                count()
                self._tell(report)
                if error and len(jobs) == 1:
                    raise error
                if error:
                    say(str(error))
                failed += bool(error)
                incomplete += report.status == "incomplete"
        if failed:
            raise CodecError(f"{failed} of {len(jobs)} files failed")
        if incomplete:
            raise click.exceptions.Exit(EXIT_INCOMPLETE)

    def _report(self, task: _Task) -> tuple[Report, CodecError | None]:
        from codec import collected_notices

        report, began = Report(*task.job), time.perf_counter()
        try:
            with named(task.job.source), collected_notices() as report.notices:
                if task.before:
                    task.before.ended.wait()
                    task.made.extend(task.before.made)
                self.stopping.check()
                self._convert(task, report)
        except CodecError as error:
            report.status, report.error = "failed", str(error)
            return report, error
        finally:
            task.ended.set()
            report.seconds = round(time.perf_counter() - began, 3)
        return report, None

    def _convert(self, task: _Task, report: Report) -> None:
        (source, target), habits = task.job, self.habits
        if task.made:
            raise MediaError(f"{shown(target)} was just made from {shown(task.made[0])}: give -o another place")
        if habits.skip_existing and target != STREAM and os.path.lexists(target):
            report.status = "skipped"
            return
        if source != STREAM and Path(source).is_dir():
            raise MediaError("Is a directory: -r takes the files in it")
        check_target(target, habits.force, makes_folder=habits.recursive)
        if habits.dry_run:
            report.status, facts = "planned", _facts(source)
            report.input_bytes = facts and facts.st_size
            return
        with closing(Input(source)) as file:
            facts = _facts(source)

            def fill(out: BinaryIO) -> None:
                report.damage += self.convert(file, target, out)
                report.output_bytes = out.seek(0, os.SEEK_END) if out.seekable() else None

            if habits.recursive and target != STREAM:
                Path(target).parent.mkdir(parents=True, exist_ok=True)
            fill_output(target, fill, facts and stat.S_IMODE(facts.st_mode) & READ_AND_WRITE)
            report.input_bytes = file.taken
        task.made.append(source)
        if habits.keep_times and facts and target != STREAM:
            os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        if report.damage:
            report.status = "incomplete"
        elif habits.rm:
            self._remove(source, target, facts)
            report.removed = True

    def _remove(self, source: str, target: str, before: os.stat_result | None) -> None:
        """Removes an input whose output is whole. Raises CodecError."""
        now = _facts(target) and _facts(source)
        if not before or not now:
            raise MediaError("kept: --rm removes files that became files")
        self.verify(source, target)
        if (now.st_mtime_ns, now.st_size) != (before.st_mtime_ns, before.st_size):
            raise MediaError("kept: it has changed since it was read")
        try:
            os.unlink(source)
        except OSError as error:
            raise MediaError(f"cannot be removed: {error.strerror or error}") from error

    def _tell(self, report: Report) -> None:
        """What became of an input, but for its error: for people on stderr, as JSON on stdout."""
        from codec.media import in_a_line

        if self.habits.as_json:
            click.echo(json.dumps(asdict(report)))
            return
        if self.habits.quiet or report.status == "failed":
            return
        for text in [*report.notices, *([in_a_line(report.damage)] if report.damage else [])]:
            say(f"{shown(report.input)}: {text}")
        if report.output != STREAM:
            click.echo(f"{shown(report.input)} -> {shown(report.output)}: {self._words(report)}", err=True)

    def _words(self, report: Report) -> str:
        if report.status == "skipped":
            return "skipped, as it exists already"
        if report.status == "planned":
            return f"would be written{', and the input removed' if self.habits.rm else ''}"
        taken, made = report.input_bytes or 0, report.output_bytes or 0
        words = f"{taken:,} bytes -> {f'{made:,} bytes' if made else 'a pipe'}"
        if self.habits.verbose:
            words += f"{f', {taken / made:.2f} to 1' if made else ''}, {report.seconds:.2f} s"
        return words + (", input removed" if report.removed else "")


def _tasks(jobs: Sequence[Job]) -> list[_Task]:
    tasks, latest = [], dict[str, _Task]()
    for job in jobs:
        place = os.path.realpath(job.target)
        latest[place] = _Task(job, None if job.target == STREAM else latest.get(place))
        tasks.append(latest[place])
    return tasks


def _facts(source: str) -> os.stat_result | None:
    """What the system says of an input that is a file; None where it is none."""
    try:
        facts = None if source == STREAM else os.stat(source)
    except OSError as error:
        raise MediaError(f"cannot be read: {error.strerror or error}") from error
    return facts if facts and stat.S_ISREG(facts.st_mode) else None


def workers_for(jobs: int | None, threads: int | None, files: int, alone: bool = False) -> tuple[int, int | None]:
    """How many of so many files are worked on at once, and in how many threads each.

    jobs, threads: as asked for, or None. alone: whether one file keeps all cores busy; then it is one where nothing is
    asked for.
    """
    return shared_out(1 if alone and jobs is None else jobs, threads, files)


def answers(
    inputs: Sequence[Found], workers: int, answer: Callable[[bytes], Answer]
) -> Iterator[tuple[str, Answer | CodecError]]:
    """The name of each input, and what is answered to its bytes, or why there is no answer."""

    def answered(found: Found) -> Answer | CodecError:
        try:
            with named(found.source):
                return answer(read_input(found.source))
        except CodecError as error:
            return error

    results = ordered_map(answered, inputs, workers, ahead=workers)
    yield from zip((found.source for found in inputs), results, strict=True)


@contextmanager
def _counted(total: int, unseen: bool) -> Iterator[Callable[[], object]]:
    """What is called for each file that is done: on a terminal a bar shows how many are, unless they go unseen."""
    if unseen:
        yield lambda: None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit="file", disable=None, leave=False) as bar:
        yield bar.update
