"""The assembly of a running hub: the order in which its parts start and stop, its maintenance, and its reload."""
