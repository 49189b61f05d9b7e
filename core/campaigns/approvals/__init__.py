"""Approval before sending: a second member of the team, then the client, bound to what they saw (PRODUCT 16.2)."""
