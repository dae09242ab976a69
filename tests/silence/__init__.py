"""Pairs of worlds on a running hub: whatever a recipient can observe is the same where only the withheld differs.

`history` makes a pair, `hub` runs a whole hub in virtual time, `observers` are the recipients and all their channels,
`compare` names what differs at random. By hand: `python -m tests.silence --pairs 5000 --seed N`.
"""
