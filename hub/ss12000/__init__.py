"""The open API: what the hub knows, offered as SS 12000:2020 (API v2.1.0), each answer through the gate.

`routes` has the paths; `resources` what each of them is made of; `answers` the way of every answer.
"""
