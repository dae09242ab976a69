"""A simulated school year: a municipality, its school system, the hub, the kitchens, and a judge.

`world` is what is true, `expected` is what the kitchens must get (it shares no code with the connector), `source` is
the school system that the hub pulls, `inbox` is what the kitchens got, `play` lets the year pass.
"""
