"""Sinks: deliveries to recipients outside the hub. Each keeps the promises of `hub.delivery.base.Sink`.

`webhook` posts to an outside recipient, `handshake` asks it for consent before the first delivery, and `webhooks` makes
both as the configuration allows. Addresses, HTTP and signatures: `hub.outbound`.
"""
