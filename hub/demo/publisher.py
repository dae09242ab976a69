"""A publisher: it sends events by `POST /v1/events`, one by one or in batches, and absences over SS 12000."""

from collections.abc import Sequence
from typing import Any, Final

import httpx
import orjson

BATCH: Final = 400
_STRUCTURED: Final = "application/cloudevents+json"
_BATCHED: Final = "application/cloudevents-batch+json"


class Publisher:
    """A client with the role publisher. Raises httpx.HTTPStatusError where the hub refuses."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )

    async def post(self, event: dict[str, Any]) -> dict[str, Any]:
        """Publish one event. Returns the hub's answer: `accepted`, `duplicates`, `ids`. The event is durable."""
        return await self._send(_STRUCTURED, event)

    async def post_all(self, events: Sequence[dict[str, Any]]) -> int:
        """Publish many events in order. Returns how many were accepted."""
        return sum(
            [
                (await self._send(_BATCHED, events[start : start + BATCH]))["accepted"]
                for start in range(0, len(events), BATCH)
            ]
        )

    async def report(self, absence: dict[str, Any], key: str) -> dict[str, Any]:
        """Report an SS 12000 Absence. Returns it with its id. The hub accepts a repeated `key` once."""
        answer = await self._http.post(
            "/ss12000/v2.0/absences",
            content=orjson.dumps(absence),
            headers={"Content-Type": "application/json", "Idempotency-Key": key},
        )
        accepted: dict[str, Any] = answer.raise_for_status().json()
        return accepted

    async def close(self) -> None:
        await self._http.aclose()

    async def _send(self, content_type: str, content: object) -> dict[str, Any]:
        answer = await self._http.post(
            "/v1/events", content=orjson.dumps(content), headers={"Content-Type": content_type}
        )
        accepted: dict[str, Any] = answer.raise_for_status().json()
        return accepted
