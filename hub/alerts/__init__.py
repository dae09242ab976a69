"""What should have happened and did not: found (`conditions`), told to operators (`raising`), and sent (`mailing`)."""
