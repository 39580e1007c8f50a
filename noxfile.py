"""`nox` checks everything, in the environment that it is called from."""

import nox

nox.options.default_venv_backend = "none"


@nox.session
def check(session: nox.Session) -> None:
    """Lint, format, types, tests."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("pytest", *session.posargs)
