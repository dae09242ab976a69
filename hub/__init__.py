"""The running hub: log, store, delivery, gate, API and command line."""
