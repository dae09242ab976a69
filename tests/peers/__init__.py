"""Real peers that tests start for themselves: a webhook receiver that can misbehave, an authority for TLS."""
