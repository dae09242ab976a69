"""Calls of the command line to the running hub: over the socket in the data folder, as the operator `local`."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from hub.cli.exits import Code, Failure
from hub.cli.language import language, say, system
from hub.texts import text

if TYPE_CHECKING:
    from hub.config.tree import Tree

SOCKET: Final = "hub.sock"  # also in hub.api.server, which would load the whole hub if it were imported here
TIMEOUT_S: Final = 60.0
PAGE: Final = 1000  # entries of one page of a list
CONFIG: Final = Path("skolnav.yaml")


def data_folder(config: Path | None, data: Path | None) -> Path:
    """The hub's data folder: as given, or as the configuration file says. Raises Failure.

    Only this setting of the file is read, so an operator need not have the hub's secrets in the environment.
    """
    if data is not None:
        return data.absolute()
    path = config if config is not None else CONFIG
    if config is None and not path.exists():
        return Path("data").absolute()
    tree = _read(path)
    named = tree.at(("data",))
    return tree.folder / (named if isinstance(named, str) and named else "data")


def root_key(config: Path | None, data: Path | None) -> bytes | None:
    """The key that a hub on that folder would use; None if there is none yet. Raises Failure."""
    from hub.config.key import named

    path = config if config is not None else CONFIG
    if config is not None or (data is None and path.exists()):
        tree = _read(path)
        if (given := tree.at(("key",))) is not None:
            return named(tree, given)
    try:
        return (data_folder(config, data) / "key").read_bytes()
    except OSError:
        return None


def setting(config: Path | None, place: tuple[str, ...]) -> Any:
    """One setting of the configuration file as it is written; None if it is not there. Raises Failure."""
    return _read(config if config is not None else CONFIG).at(place)


def _read(path: Path) -> "Tree":
    from hub.config.tree import Tree, Unreadable, text_of

    tree = Tree(path.absolute().parent, os.environ)
    try:
        tree.read(text_of(path))
    except OSError as error:
        raise Failure(Code.USAGE, say("failure.unreadable", path=path, error=system(error))) from None
    except Unreadable as fault:
        where = f"{path}:{fault.line}" if fault.line else f"{path}"
        raise Failure(Code.USAGE, f"{where}: {text(fault.key, language(), **fault.values)}") from None
    return tree


class LocalHub:
    """Calls to the hub on one data folder. Raises Failure: NO_HUB where none runs, FAILED with the hub's problem."""

    def __init__(self, data: Path, token: str | None = None) -> None:
        """`token`: the caller is the client whose token this is, not the operator `local`."""
        self.data = data
        self._token = token
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        import httpx

        try:
            folder = os.open(self.data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            raise self._no_hub() from None
        self._stack.callback(os.close, folder)
        # Through the folder's handle, since the address of a Unix socket holds at most 107 bytes.
        transport = httpx.HTTPTransport(uds=f"/proc/self/fd/{folder}/{SOCKET}")
        self._client = self._stack.enter_context(
            httpx.Client(
                transport=transport,
                base_url="http://hub",
                timeout=TIMEOUT_S,
                trust_env=False,
                headers={
                    "Accept-Language": language(),
                    **({"Authorization": f"Bearer {self._token}"} if self._token is not None else {}),
                },
            )
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.close()

    def get(self, path: str, **query: object) -> Any:
        return self._call("GET", path, query=query)

    def post(self, path: str, content: Mapping[str, object] | None = None) -> Any:
        return self._call("POST", path, content=content)

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        content: Mapping[str, object] | None = None,
    ) -> Any:
        import httpx

        asked = {name: str(value) for name, value in (query or {}).items() if value is not None}
        try:
            answer = self._client.request(method, path, params=asked, json=content)
        except httpx.ConnectError:
            raise self._no_hub() from None
        except httpx.HTTPError:
            raise Failure(Code.FAILED, say("failure.no-answer", socket=self.data / SOCKET)) from None
        if answer.is_success:
            return answer.json() if answer.content else None
        raise Refused(answer.json())

    def _no_hub(self) -> Failure:
        return Failure(Code.NO_HUB, say("failure.no-hub", data=self.data))


class Refused(Failure):
    """The hub answered with a problem document."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(Code.FAILED, f"{problem['title']}: {problem['detail']}")
        self.problem = problem
        self.kind = str(problem.get("type", "")).rpartition(":")[2]
