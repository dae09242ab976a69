"""The answers of feeds and streams that are being sent, by subscription."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

GRACE_S: Final = 1.0  # for the open answers of a subscription to end by themselves, before the rest is cut off


class OpenAnswers:
    """Deleting a subscription waits here until nothing of it can leave any more."""

    def __init__(self) -> None:
        self._open: dict[str, set[OpenAnswer]] = {}

    @contextlib.contextmanager
    def opened(self, id: str) -> Iterator["OpenAnswer"]:
        """Count an answer as open until it has ended."""
        answer = OpenAnswer()
        answers = self._open.setdefault(id, set())
        answers.add(answer)
        try:
            yield answer
        finally:
            answer.ended.set()
            answers.discard(answer)
            if not answers:
                self._open.pop(id, None)

    async def ended(self, id: str) -> None:
        """Return when a deleted subscription has no open answer. One whose client reads nothing is cut off."""
        answers = tuple(self._open.get(id, ()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                for answer in answers:
                    await answer.ended.wait()
        for answer in answers:
            answer.cut.set()
        for answer in answers:
            await answer.ended.wait()


class OpenAnswer:
    """`cut`: the answer must end now. `ended`: it has ended."""

    def __init__(self) -> None:
        self.cut = asyncio.Event()
        self.ended = asyncio.Event()
