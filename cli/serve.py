"""`codec serve`."""

from __future__ import annotations

import ipaddress
import socket

import click

from codec.bitstream.errors import MediaError, MissingPackage
from codec.cli import options

LOOPBACK = "127.0.0.1"


@click.command()
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen at; any other lets others in.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="Port; 0 for any that is free."
)
@click.option("--max-upload", type=options.size_bytes, default="32MB", show_default=True, metavar="SIZE")
@click.option("--max-pixels", type=click.IntRange(1), default=16_000_000, show_default=True)
@click.option("--max-seconds", type=options.POSITIVE, default=300, show_default=True, help="Of audio.")
@click.option("--max-effort", type=click.IntRange(0, 9), default=5, show_default=True)
@click.option("--time-limit", type=options.POSITIVE, default=60, show_default=True, help="Seconds of work a request.")
def serve(
    host: str,
    port: int,
    max_upload: int,
    max_pixels: int,
    max_seconds: float,
    max_effort: int,
    time_limit: float,
) -> None:
    """Show a page in the browser that compares qualities: drop a picture or a sound, and see or hear what is left.

    Nothing that is dropped is kept, and nothing leaves this machine unless --host lets others in.
    """
    try:
        import uvicorn

        from codec.cli.serving.app import application
        from codec.cli.serving.work import Limits
    except ImportError as error:
        raise MissingPackage("codec serve needs starlette and uvicorn: pip install 'codec[serve]'") from error
    import codec

    limits = Limits(max_upload, max_pixels, max_seconds, max_effort, time_limit)
    try:
        listening = socket.create_server((host, port), family=_family(host))
    except OSError as error:
        raise MediaError(f"cannot listen at {host}, port {port}: {error.strerror or error}") from error
    with listening:
        name = f"[{host}]" if ":" in host else host
        click.echo(f"codec: http://{name}:{listening.getsockname()[1]} until Ctrl-C", err=True)
        codec.preload()
        hosts = ["localhost", LOOPBACK, "[::1]"] if _is_loopback(host) else ["*"]
        config = uvicorn.Config(application(limits, hosts), log_level="warning", timeout_graceful_shutdown=5)
        uvicorn.Server(config).run(sockets=[listening])


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
