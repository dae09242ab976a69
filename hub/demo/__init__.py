"""A municipality to look at: `skolnav demo` plays a school day with a real hub, a real kitchen server and receivers."""
