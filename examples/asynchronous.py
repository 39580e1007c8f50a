"""Compresses in an asyncio program, a few files at a time, and gives up what takes too long:
`python examples/asynchronous.py IMAGE SECONDS`.
"""

import asyncio
import sys
import threading

import codec

AT_ONCE = 2  # files in work; more would share the same cores


class GivenUp(Exception):
    """Nobody waits for the result any more."""


async def compressed(source: str, limit: asyncio.Semaphore, **options: object) -> bytes:
    """The .lcc file of an image. Where the task is cancelled, its work ends at the next step."""
    stop = threading.Event()

    def progress(done: float) -> None:
        if stop.is_set():
            raise GivenUp(f"at {done:.0%}")

    async with limit:
        try:
            # networks and coder leave Python's lock, so the event loop goes on meanwhile
            return await asyncio.to_thread(codec.compress, source, progress=progress, **options)
        finally:
            stop.set()


async def main(source: str, seconds: float) -> None:
    """Files of three qualities side by side, then one at the highest effort that has so many seconds."""
    limit = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(compressed(source, limit, quality=quality)) for quality in (20, 50, 80)]
    print("bytes:", *(len(task.result()) for task in tasks))
    try:
        data = await asyncio.wait_for(compressed(source, limit, effort=9), seconds)
        print("refined:", len(data))
    except TimeoutError:
        print("given up")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
