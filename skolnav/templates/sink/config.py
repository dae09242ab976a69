"""What a municipality writes under `connectors.<name>`."""

from pydantic import Field
from skolnav.sdk import ConnectorConfig, LocalPath


class ExampleConfig(ConnectorConfig):
    """Each setting: what it is, its unit, and its default. Secrets are `SecretStr`."""

    folder: LocalPath = Field(description="An existing folder that the outside system reads.")
    prefix: str = Field("absence", pattern=r"^[a-z]{1,20}$", description="How file names begin: letters a-z.")
