"""What an operator sees and does, each built in one place as typed values.

The HTTP routes turn these values into JSON and the metrics turn them into gauges; the command line reads the JSON over
the hub's local socket. A value holds ids, types, times, counts and codes, and the name that an operator gave who sees
to an alert; never a person whom an event is about, nor the data of an event.
"""
