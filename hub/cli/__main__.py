"""`python -m hub.cli`, for use where the command itself is not on the path."""

from hub.cli import main

main()
