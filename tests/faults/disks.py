"""A disk of our own on which power can be cut: ext4 in a file, mounted over a loop device. Needs root."""

import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Final

# _IOR('X', 125, __u32) and EXT4_GOING_FLAGS_NOLOGFLUSH of fs/ext4/ext4.h: the file system stops at once, and nothing
# that is only in the page cache or in the journal's memory reaches the disk any more.
_EXT4_IOC_SHUTDOWN: Final = 0x8004587D
_NO_LOG_FLUSH: Final = struct.pack("I", 2)


class LoopDisk:
    """`path` is where it is mounted."""

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.path = folder / "disk"
        self._image = folder / "disk.img"
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(mebibytes << 20)
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        self.mount()

    def mount(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self.path))

    def unmount(self) -> None:
        if self.path.is_mount():
            _run("umount", str(self.path))

    def cut_power(self) -> None:
        """From here on nothing more gets written. Then end who has files open, and `unmount`."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, _EXT4_IOC_SHUTDOWN, _NO_LOG_FLUSH)
        finally:
            os.close(handle)


def why_not(folder: Path) -> str | None:
    """Why no disk can be made here; None if it can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    for program in ("mkfs.ext4", "mount", "umount"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    try:
        disk = LoopDisk(folder, 16)
    except OSError as error:
        return f"loop devices do not work here: {error}"
    disk.unmount()
    return None


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{command[0]}: {done.stderr.strip()}")
