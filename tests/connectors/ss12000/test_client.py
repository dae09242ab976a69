"""The supplier over HTTPS: certificates of both servers, packed answers, and answers that are too large."""

import gzip
import ssl
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.ss12000.client import Client
from connectors.ss12000.config import Ss12000Config
from connectors.ss12000.connector import Ss12000
from hub.clock import SystemClock
from plugins import TemporaryError
from plugins.testing import open_hub
from tests.connectors.ss12000.conftest import Pulled, kinds
from tests.connectors.ss12000.records import school
from tests.peers.sis import Made, Reply, serving
from tests.peers.tls import Authority

CLIENT = {"client_id": "hub", "client_secret": "hub-secret"}


REFUSED: dict[str, tuple[Callable[[Authority, Path], ssl.SSLContext], str]] = {
    "expired": (lambda authority, folder: authority.server_context("127.0.0.1", expired=True), "has expired"),
    "wrong-name": (lambda authority, folder: authority.server_context("sis.example"), "for another name"),
    "other-authority": (lambda authority, folder: Authority(folder).server_context("127.0.0.1"), "not trusted"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_token_servers_certificate_is_told_as_one(config: dict[str, Any], tmp_path: Path, name: str) -> None:
    """Not as a wrong id or secret, which nobody can find."""
    (tmp_path / "other").mkdir()
    authority = Authority(tmp_path)
    make, says = REFUSED[name]
    with serving(Made(), make(authority, tmp_path / "other")) as login, serving(Made(**school())) as sis:
        auth = {"login_url": f"{login.url}/token", **CLIENT}
        config |= {"base_url": f"{sis.url}/v2.0", "ca_file": str(authority.file()), "auth": auth}
        async with open_hub() as opened:
            await opened.add(Ss12000, config)
            hub = Pulled(opened)
            (said,) = hub.problems("certificate")
            assert says in said
            assert "token server" in said
            with pytest.raises(Exception, match="ca_file") as refused:
                await opened.selftest("ss12000")
            assert "client_secret" not in str(refused.value)
        assert sis.asked == []


async def test_a_token_server_with_a_good_certificate_lets_the_hub_in(config: dict[str, Any], tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with serving(Made(**school()), authority.server_context("127.0.0.1")) as sis:
        auth = {"login_url": f"{sis.url}/token", **CLIENT}
        config |= {"base_url": f"{sis.url}/v2.0", "ca_file": str(authority.file()), "auth": auth}
        async with open_hub("2026-11-24T07:30") as opened:
            await opened.add(Ss12000, config)
            assert kinds(await Pulled(opened).news())["directory.person.upserted"] == 31


async def test_a_packed_answer_is_read_and_one_packed_otherwise_told(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.records["groups"][0]["displayName"] = "Omdöpt"

    def packed(path: str, query: Any) -> Reply | None:
        if path == "/v2.0/groups":
            return Reply(200, raw=gzip.compress(Reply(200, {"data": sis.records["groups"]}).content()),
                         headers={"Content-Encoding": "gzip"})  # fmt: skip
        return Reply(200, raw=b"canary", headers={"Content-Encoding": "br"}) if path == "/v2.0/rooms" else None

    sis.faults.append(packed)
    assert kinds(await hub.poll()) == {"directory.group.upserted": 1}
    (said,) = hub.problems("cut-off")
    assert "rooms" in said
    assert "canary" not in said + hub.hub.logs()


async def test_an_error_does_not_keep_what_was_too_large(config: dict[str, Any], sis: Made) -> None:
    """An error keeps the frames that it came through: three refused answers had taken three times the limit."""
    sis.faults.append(lambda path, query: Reply(200, stream=lambda: [b" " * (2 << 20)]))
    client = Client(Ss12000Config.model_validate(config), SystemClock())
    with pytest.raises(TemporaryError) as caught:
        await client.one("persons", "x")
    await client.close()
    assert caught.value.code == "too-large"
    kept = [value for frame, _ in traceback.walk_tb(caught.tb) for value in frame.f_locals.values()]
    lists = [value for value in kept if isinstance(value, list) and all(isinstance(each, bytes) for each in value)]
    assert lists == [[]]
