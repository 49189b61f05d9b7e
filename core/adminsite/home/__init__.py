"""The first page: one client's overview, or the cockpit over all clients. A fixed number of queries for either."""
