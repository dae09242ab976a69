"""A small source that is pulled page by page from a real HTTP server, and the server."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

import httpx
from pydantic import Field

from plugins import Connector, ConnectorConfig, Duration, TemporaryError
from schemas.directory import DirectoryCurrent, OrganisationUpserted

PAGES, PER_PAGE = 3, 2


class RegisterConfig(ConnectorConfig):
    base_url: str = Field(description="Where the register is.")
    poll: Duration = Field(description="How often it is read.")


class Register(Connector[RegisterConfig]):
    """Organisations from a register; each page is one commit."""

    name = "register"
    config_model = RegisterConfig
    produces = (OrganisationUpserted, DirectoryCurrent)

    async def poll(self) -> None:
        begun = self.ctx.clock.utc()
        async with httpx.AsyncClient(timeout=1, trust_env=False) as client:
            page: int | None = 0
            while page is not None:
                records, page = await self.read(client, page)
                await self.keep(records)
        async with self.ctx.commit() as tx:
            tx.publish(DirectoryCurrent, {"asOf": begun.isoformat()})

    async def keep(self, records: list[dict[str, str]]) -> None:
        async with self.ctx.commit() as tx:
            for record in records:
                if tx.state.get(record["id"]) != record:
                    tx.state[record["id"]] = record
                    tx.publish(OrganisationUpserted, self.data(record))

    def data(self, record: dict[str, str]) -> dict[str, str]:
        return {"id": record["id"], "displayName": record["name"], "organisationType": "Skolenhet"}

    async def read(self, client: httpx.AsyncClient, page: int) -> tuple[list[dict[str, str]], int | None]:
        try:
            found = (await client.get(f"{self.config.base_url}/{page}")).raise_for_status().json()
            return found["records"], found["next"]
        except (httpx.HTTPError, ValueError):
            raise TemporaryError("register: not read", code="register-away") from None


class RegisterPeer:
    """The register, on a free port of the loopback."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.reset()
        self.is_down, self.delay_s, self.is_wrong = False, 0.0, False

    def effects(self) -> list[int]:
        return [self._served]

    def bytes(self) -> bytes:
        return b""

    def reset(self) -> None:
        self._served = 0
        self._names = [f"Skolan {n}" for n in range(PAGES * PER_PAGE)]

    def served(self) -> int:
        return self._served

    def change(self) -> None:
        self._names[3] = "Den nya skolan"

    def down(self, on: bool) -> None:
        self.is_down = on

    def slow(self, seconds: float) -> None:
        self.delay_s = seconds

    def wrong(self, on: bool) -> None:
        self.is_wrong = on

    def answer(self, page: int) -> bytes:
        time.sleep(self.delay_s)
        if self.is_wrong:
            return b"<html>Logga in</html>"
        self._served += 1
        numbers = range(page * PER_PAGE, (page + 1) * PER_PAGE)
        records = [{"id": str(UUID(int=n)), "name": self._names[n]} for n in numbers]
        return json.dumps({"records": records, "next": page + 1 if page + 1 < PAGES else None}).encode()


@contextmanager
def register_peer() -> Iterator[RegisterPeer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if peer.is_down:
                self.close_connection = True
                return
            body = peer.answer(int(self.path.rpartition("/")[2]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

        def handle(self) -> None:
            with suppress(ConnectionError):  # who asked has given up
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    peer = RegisterPeer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
