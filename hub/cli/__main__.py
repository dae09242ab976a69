"""`python -m hub.cli`: for where the command itself is not on the path."""

from hub.cli import main

main()
