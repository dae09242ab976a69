"""The vendors' test kit."""
