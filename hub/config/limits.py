"""What a connector that runs in a process of its own may use of the machine."""

import resource

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """Each default leaves several times what a connector of this repository uses, and keeps a small server alive."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    memory_mib: int = Field(
        512, ge=64, le=1 << 20, description="Memory of its process. Above it the process is ended and started again."
    )
    descriptors: int = Field(
        256,
        ge=32,
        le=1 << 20,
        description="Files and connections that it may have open; at most as many as the system lets the hub have.",
    )
    threads: int = Field(64, ge=8, le=10_000, description="Threads. Above it the process is ended and started again.")
    log_lines_s: int = Field(
        50, ge=1, le=10_000, description="Lines that it may log or print each second. The rest is counted and left out."
    )
    outbox_rows: int = Field(
        1000,
        ge=10,
        le=1_000_000,
        description="Events that it has published and the log does not have yet. More wait until the log has some.",
    )

    @property
    def descriptors_given(self) -> int:
        """`descriptors`, or what the system allows this process and so its children (LimitNOFILE), if that is less."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        return self.descriptors if hard == resource.RLIM_INFINITY else min(self.descriptors, hard)
