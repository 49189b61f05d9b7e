"""How fast and how much may go out: token buckets in Redis, daily counts and windows in PostgreSQL."""
