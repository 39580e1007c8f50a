"""The ASGI application: the page, and one address that codes what is sent to it. Few at work, limits before work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from codec.bitstream.errors import CodecError, LimitExceeded
from codec.cli.serving.work import Deadline, Limits, TooLong, Wish, multipart, shown
from codec.quality import DEFAULT_EFFORT, DEFAULT_METRIC, DEFAULT_QUALITY, Metric
from codec.workers import shared_out

PAGE = Path(__file__).parent / "page"
AT_ONCE = 2  # uploads at work: each may hold an image of the largest size, several times
MOST_WAITING = 32
UPLOAD_S = 60.0  # that an upload may take
LOOK_S = 0.25  # between looks whether somebody still waits
CONTENT_TYPE = "application/octet-stream"  # which pages of other sites may not send
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; media-src blob:; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Refused(Exception):
    """What a request is answered with instead, in words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def application(limits: Limits, hosts: list[str]) -> Starlette:
    """The application. hosts: the names that it may be called by."""
    coder = _Coder(limits)
    return Starlette(
        routes=[Route("/code", coder.answer, methods=["POST"]), Mount("/", StaticFiles(directory=PAGE, html=True))],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts), Middleware(_Headers)],
    )


class _Headers:
    """Adds HEADERS to every answer."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope, receive, send):  # type: ignore[no-untyped-def]  # as ASGI has it
        """Answers."""

        async def sent(message):  # type: ignore[no-untyped-def]
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
                ]
            await send(message)

        await self.app(scope, receive, sent)


class _Coder:
    """Answers `/code`."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.waiting = limits, 0
        self.room = asyncio.Semaphore(AT_ONCE)
        self.threads = shared_out(AT_ONCE, None)[1]

    async def answer(self, request: Request) -> Response:
        """What is shown of an upload, or why it is refused."""
        try:
            wish = self._wish(request)
            data = await self._upload(request)
            body, kind = await self._coded(request, data, wish)
        except Refused as refusal:
            return JSONResponse({"error": str(refusal)}, refusal.status)
        except ClientDisconnect:
            return Response(status_code=499)  # which nobody reads
        return Response(body, media_type=kind)

    def _wish(self, request: Request) -> Wish:
        asked = request.query_params
        try:
            wish = Wish(
                float(asked.get("quality", DEFAULT_QUALITY)),
                int(asked.get("effort", DEFAULT_EFFORT)),
                cast(Metric, asked.get("metric", DEFAULT_METRIC)),  # checked below
            )
            wish.check(self.limits)
        except ValueError as error:
            raise Refused(400, str(error)) from error
        return wish

    async def _upload(self, request: Request) -> bytes:
        if request.headers.get("content-type") != CONTENT_TYPE:
            raise Refused(415, f"send the file itself, as {CONTENT_TYPE}")
        limit = self.limits.upload_bytes
        too_large = Refused(413, f"the file has more than {limit:,} bytes, which is the limit here")
        if int(request.headers.get("content-length", 0)) > limit:
            raise too_large
        data = bytearray()
        try:
            async with asyncio.timeout(UPLOAD_S):
                async for piece in request.stream():
                    data += piece
                    if len(data) > limit:
                        raise too_large
        except TimeoutError as error:
            raise Refused(408, f"the upload took longer than {UPLOAD_S:.0f} seconds") from error
        if not data:
            raise Refused(400, "there is no file in the request")
        return bytes(data)

    async def _coded(self, request: Request, data: bytes, wish: Wish) -> tuple[bytes, str]:
        if self.waiting >= MOST_WAITING:
            raise Refused(503, "too many are waiting: try again in a while")
        self.waiting += 1
        try:
            async with self.room:
                deadline = Deadline(time.monotonic() + self.limits.time_s)
                watch = asyncio.create_task(_watch(request, deadline))
                try:
                    return await asyncio.to_thread(self._work, data, wish, deadline)
                finally:
                    deadline.gone.set()
                    watch.cancel()
        finally:
            self.waiting -= 1

    def _work(self, data: bytes, wish: Wish, deadline: Deadline) -> tuple[bytes, str]:
        try:
            deadline.check()
            return multipart(shown(data, wish, self.limits, deadline, self.threads))
        except LimitExceeded as error:
            raise Refused(413, str(error)) from error
        except (CodecError, ValueError) as error:
            raise Refused(422, str(error)) from error
        except TooLong as error:
            raise Refused(503, str(error)) from error


async def _watch(request: Request, deadline: Deadline) -> None:
    """Says when nobody waits for the answer any more."""
    while not await request.is_disconnected():
        await asyncio.sleep(LOOK_S)
    deadline.gone.set()
