"""One folder per outside system, each built with nothing but what a vendor has: `plugins` and `schemas`."""
