"""The seam between an event's bytes and what the log keeps of them."""

from typing import Protocol


class Codec(Protocol):
    """Turns bodies into what is stored, and back. Runs in the writer and in readers: must be thread-safe."""

    def encode(self, subject: str, body: bytes) -> bytes: ...

    def decode(self, subject: str, stored: bytes) -> bytes:
        """Raises ValueError on what `encode` did not make."""


class Clear:
    """Version 1: bodies are stored as they are. Later person fields are sealed under a key per subject."""

    def encode(self, subject: str, body: bytes) -> bytes:
        return body

    def decode(self, subject: str, stored: bytes) -> bytes:
        return stored
