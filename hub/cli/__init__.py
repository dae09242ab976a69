"""The command `skolnav`."""

from hub.cli.app import main

__all__ = ["main"]
