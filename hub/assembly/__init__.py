"""A running hub put together from its rooms: the order in which they wake and end, and what is done once for all."""
