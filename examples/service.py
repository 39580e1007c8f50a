"""A web service that compresses and restores images: `uvicorn --app-dir examples service:app`, then
`curl -H 'Content-Type: application/octet-stream' --data-binary @in.png localhost:8000/compress?quality=60 -o out.lcc`.
"""

from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Body, FastAPI, HTTPException, Query, Request, Response

import codec
from codec.media import image_bytes

MAX_BYTES = 20_000_000
MAX_PIXELS = 25_000_000


@asynccontextmanager
async def lifespan(app: FastAPI):
    """Loads the networks before the first request."""
    codec.preload("image")
    yield


app = FastAPI(lifespan=lifespan)
Upload = Annotated[bytes, Body(media_type="application/octet-stream")]


@app.middleware("http")
async def refuse_large_uploads(request: Request, answer) -> Response:
    """Says no before a large body is read; a body without a length is not taken either."""
    if request.method == "POST" and not 0 < int(request.headers.get("content-length", 0)) <= MAX_BYTES:
        return Response(f"expected up to {MAX_BYTES:,} bytes, and their length", 413)
    return await answer(request)


# functions that are not async run in threads, so the service answers others meanwhile


@app.post("/compress")
def compress(data: Upload, quality: Annotated[float, Query(ge=0, le=100)] = 50) -> Response:
    """The .lcc file of an image."""
    try:
        return Response(codec.compress_image(data, quality, max_pixels=MAX_PIXELS), media_type="image/x-lcc")
    except codec.CodecError as error:
        raise HTTPException(422, str(error)) from error


@app.post("/decompress")
def decompress(data: Upload) -> Response:
    """An image of an .lcc file, as PNG."""
    try:
        image = codec.decompress_image(data, output="image", max_pixels=MAX_PIXELS)
    except codec.CodecError as error:
        raise HTTPException(422, str(error)) from error
    return Response(image_bytes(image, ".png"), media_type="image/png")
