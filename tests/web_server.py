"""An ASGI application behind a real server on this machine, and requests to it."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.conftest import PATIENCE_S

BINARY = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Server:
    """A server at a port of this machine."""

    port: int

    def ask(self, method: str, address: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Status and body of the answer to a request. headers: with _ for -."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with closing(connection):
            connection.request(method, address, body, BINARY | {k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def post(self, address: str, body: bytes, **headers: str) -> tuple[int, bytes]:
        """Status and body of the answer."""
        return self.ask("POST", address, body, **headers)


@contextmanager
def served(application: Any) -> Iterator[Server]:
    """A server of an application."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Server(listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()
