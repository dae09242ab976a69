"""The SS 12000 provider: the hub's data as SS 12000:2020 (API v2.1.0), with a privacy decision on each answer.

`routes` has the paths, `resources` the definition of each list, `answers` the steps that all answers share.
"""
