"""The vendors' kit against connectors: a right one, and ones with one fault each (`bad/`)."""
