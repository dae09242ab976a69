"""What a municipality writes under `connectors.<name>`."""

from datetime import timedelta

from pydantic import Field, SecretStr
from skolnav.sdk import ConnectorConfig, Duration
from skolnav.wires.settings import Address, TimeOuts, Trust


class ExampleConfig(ConnectorConfig, TimeOuts, Trust):
    """Each setting: what it is, its unit, and its default. Secrets are `SecretStr`."""

    url: Address = Field(description="Address of the outside system's API.")
    token: SecretStr = Field(min_length=1, description="Bearer token; give it as ${file:...} or ${env:...}.")
    poll: Duration = Field(timedelta(minutes=5), description="How often reports are read: 60s, 5m, 1h.")
