"""A far side for tests that speaks JSON over HTTP: a real server on this machine, which a test can make fail."""

from plugins.testing.rest import RestPeer

__all__ = ["RestPeer"]
