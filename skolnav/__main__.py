"""`python -m skolnav`: the command line, where the script `skolnav` is not on the path."""

import sys
from importlib.metadata import entry_points

if __name__ == "__main__":
    (script,) = entry_points(group="console_scripts", name="skolnav")
    sys.exit(script.load()())
