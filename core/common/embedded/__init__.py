"""PostgreSQL and a Redis-protocol server as child processes: nothing to install, nothing to configure."""
