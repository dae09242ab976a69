"""What a vendor imports: `skolnav.sdk`, `skolnav.events`, `skolnav.rest`, `skolnav.wires`, `skolnav.testing`.

These modules have the public names of the rooms `plugins` and `schemas` and no code of their own. What is public, and
may be relied on within one major version of the SDK, is listed in `surface.txt` beside this file.
"""

from pathlib import Path as _Path

from skolnav.rooms import ROOMS as _ROOMS
from skolnav.rooms import claim as _claim

for _room in _ROOMS:
    _claim(_room, _Path(__file__).parents[1])
