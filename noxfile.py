"""`nox` checks everything in the environment that it is called from; the other sessions are named, `nox -s lowest`."""

import shutil
import tarfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["check"]


@nox.session
def check(session: nox.Session) -> None:
    """Lint, format, types, tests."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("pytest", *session.posargs)


@nox.session(venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """Smoke tests with the oldest versions that pyproject.toml allows; extras after `--`, such as `torch`."""
    smoke(session, "lowest-direct")


@nox.session(venv_backend="uv")
def newest(session: nox.Session) -> None:
    """Smoke tests with the newest versions that pyproject.toml allows, without constraints."""
    smoke(session, "highest")


def smoke(session: nox.Session, resolution: str) -> None:
    """Runs the smoke tests with the versions that a resolution of the dependencies gives, wheels only."""
    versions = f"{session.create_tmp()}/versions.txt"
    extras = [option for name in session.posargs for option in ("--extra", name)]
    wheels = ("--only-binary", ":all:")
    session.run(
        *("uv", "pip", "compile", "pyproject.toml", "--resolution", resolution, *wheels, *extras),
        *("--no-header", "--no-annotate", "--upgrade", "-o", versions),
    )
    session.install(*wheels, "-r", versions, "pytest", "pytest-xdist", "hypothesis")
    session.install("--no-deps", "-e", ".")
    session.run("pytest", "-n", "0", "tests/test_smoke.py")


@nox.session
def docs(session: nox.Session) -> None:
    """The API reference, into build/docs."""
    session.run("python", "-W", "error", "docs/reference.py", "build/docs")


@nox.session
def man(session: nox.Session) -> None:
    """A page of the manual for each command, made from its help, into build/man."""
    session.run("python", "docs/manual.py", "build/man")


@nox.session(venv_backend="uv")
def package(session: nox.Session) -> None:
    """Wheel and sdist, into dist; the sdist holds every file of tests, documents and examples."""
    session.install("build", "twine")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
    wheel, sdist = (next(Path("dist").glob(pattern)) for pattern in ("*.whl", "*.tar.gz"))
    session.run("twine", "check", "--strict", str(wheel), str(sdist))
    tracked = session.run("git", "ls-files", "bitstream", "docs", "examples", "tests", external=True, silent=True)
    with tarfile.open(sdist) as tar:
        held = {name.partition("/")[2] for name in tar.getnames()}
    if missing := set(str(tracked).split()) - held:
        session.error(f"the sdist lacks {', '.join(sorted(missing))}: name them in MANIFEST.in")


@nox.session
def shelf(session: nox.Session) -> None:
    """Writes the weights that this version ships into shelf/, as files of a release: `codec weights add` takes them."""
    session.run("python", "-m", "codec.model.releases", "shelf")
