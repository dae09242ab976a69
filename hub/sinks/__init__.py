"""Where deliveries leave the house, one module per kind of sink; each keeps the promises of `hub.delivery.base.Sink`.

`webhook` posts to an outside recipient: `addresses` says where it may go, `http1` carries, `signature` signs,
`handshake` asks for consent before the first delivery.
"""
