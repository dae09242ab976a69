"""What an operator sees and does, each built in one place as typed values.

The HTTP routes turn these values into JSON and the metrics turn them into gauges; the command line reads the JSON over
the hub's local socket. A value holds ids, types, times, counts and codes, never a person or the data of an event.
"""
