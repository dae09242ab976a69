"""SS 12000 v2.1: a school system's own data, pulled."""
