"""Connectors that run in a process of their own (`isolation: process`), so that nothing they do stops another.

The hub keeps the whole of an `Instance`: its state, transactions, timers, publishing and metrics. Only the connector
object is elsewhere. `stand_in` is called in its place and passes each call on; `child` runs the connector behind the
same `Context`; `forks` makes the processes; `frames` is what passes between them.
"""
