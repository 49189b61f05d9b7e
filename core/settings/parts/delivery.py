"""How the send pipeline behaves."""

from core.settings import env

DELIVERY_WORKERS = env.integer("DELIVERY_WORKERS", 4, minimum=1)
"""How many sending jobs run at once, over all worker machines."""
DELIVERY_LEASE_SECONDS = env.integer("DELIVERY_LEASE_SECONDS", 60, minimum=1)
"""A worker that gives no sign of life for so long counts as dead, and its batch is recovered."""
DELIVERY_DOUBT_SECONDS = env.integer("DELIVERY_DOUBT_SECONDS", 600)
"""How long a mail of unknown outcome waits for proof before a person has to decide (RFC 5321 4.5.3.2.6)."""
