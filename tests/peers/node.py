"""Packages for Node, as their makers publish them: `scripts/peers/node.sh` installs them outside the repository."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.until import until

_ROOT = Path(__file__).resolve().parents[2]
_INSTALL = _ROOT / "scripts" / "peers" / "node.sh"


@cache
def _installed(packages: str) -> tuple[Path | None, str]:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None, "needs node and npm"
    done = subprocess.run([_INSTALL, packages], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None, f"the packages of scripts/peers/{packages} can't be installed here"
    return Path(done.stdout.strip()), ""


def folder(packages: str = "node") -> Path:
    """The folder with the packages in `node_modules`. Skips the test, with the reason, if they can't be had.

    `packages`: the set, a folder of `scripts/peers`.
    """
    found, reason = _installed(packages)
    if found is None:
        pytest.skip(reason)
    return found


def run(script: str, given: bytes, packages: str = "node") -> bytes:
    """What a CommonJS script writes to its output, with `given` as its input. If it fails, so does the test."""
    here = folder(packages)
    node = shutil.which("node")
    assert node is not None
    done = subprocess.run([node, "-e", script], input=given, capture_output=True, check=False, cwd=here)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return done.stdout


# An EventSource has no way to send a token, and hides heartbeats: the `fetch` that it is given does both. Each thing
# that happens is a line of JSON.
_EVENT_SOURCE: Final = """
const { EventSource } = require("eventsource");
const tell = happened => process.stdout.write(JSON.stringify(happened) + "\\n");
const asked = async (url, init) => {
  tell({ asked: init.headers["Last-Event-ID"] ?? null });
  const headers = { ...init.headers, Authorization: `Bearer ${process.env.TOKEN}` };
  const answer = await fetch(url, { ...init, headers });
  if (answer.body === null) return answer;
  const seen = new TransformStream({
    transform(bytes, passed) {
      if (new TextDecoder().decode(bytes).startsWith(":")) tell({ beat: true });
      passed.enqueue(bytes);
    },
  });
  return new Response(answer.body.pipeThrough(seen), answer);
};
const source = new EventSource(process.env.URL, { fetch: asked });
source.addEventListener("open", () => tell({ open: true }));
const over = () => source.readyState === source.CLOSED;
source.addEventListener("error", error => tell({ error: error.code ?? null, over: over() }));
for (const type of JSON.parse(process.env.TYPES))
  source.addEventListener(type, event => tell({ type, cursor: event.lastEventId, id: JSON.parse(event.data).id }));
"""


class EventSource:
    """The npm package `eventsource` at one URL, which is called again and again until an answer ends it."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def each(self, name: str) -> list[Any]:
        """What it told under this name, in order: `open`, `beat`, `asked` (with which `Last-Event-ID`), `id`, `cursor`
        and `type` of events, `error` (an HTTP status or None)."""
        return [happened[name] for happened in self.told if name in happened]

    @property
    def over(self) -> int | None:
        """The status of the answer after which it does not connect again."""
        return next((happened["error"] for happened in self.told if happened.get("over")), None)

    async def got(self, *ids: str) -> None:
        """Wait until it has received these events, in this order and no others."""
        await until(lambda: len(self.each("id")) >= len(ids))
        assert self.each("id") == list(ids)

    async def _listen(self, output: asyncio.StreamReader) -> None:
        async for line in output:
            self.told.append(json.loads(line))


@asynccontextmanager
async def event_source(url: str, token: str, *types: str) -> AsyncIterator[EventSource]:
    """Skips the test if the package can't be had."""
    here, node = folder(), shutil.which("node")
    assert node is not None
    process = await asyncio.create_subprocess_exec(
        node, "-e", _EVENT_SOURCE, cwd=here, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "URL": url, "TOKEN": token, "TYPES": json.dumps(types)},
    )  # fmt: skip
    assert process.stdout is not None
    made = EventSource()
    listening = asyncio.create_task(made._listen(process.stdout))
    try:
        yield made
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening
