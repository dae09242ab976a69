"""A soak: one hub, publishers and recipients of every kind that never pause, and faults at random moments.

`clients` who calls; `truth` what was acknowledged and who is protected; `publishing`, `receiving` the parties;
`disturbing` the faults; `running` the whole course; `judging` what must hold at the end.
"""
