"""How the send pipeline behaves."""

from core.settings import env

DELIVERY_WORKERS = env.integer("DELIVERY_WORKERS", 4, minimum=1)
"""How many sending jobs run at once, over all worker machines."""
DELIVERY_LEASE_SECONDS = env.integer("DELIVERY_LEASE_SECONDS", 60, minimum=1)
"""A worker that gives no sign of life for so long counts as dead, and its batch is recovered."""
DELIVERY_DOUBT_SECONDS = env.integer("DELIVERY_DOUBT_SECONDS", 600)
"""How long a mail of unknown outcome waits for proof before a person has to decide (RFC 5321 4.5.3.2.6)."""
CIRCUIT_WINDOW = env.integer("CIRCUIT_WINDOW", 200, minimum=50)
"""How many of the newest answered mails are looked at; with fewer nothing is stopped by itself."""
CIRCUIT_BOUNCES_PER_MILLE = env.integer("CIRCUIT_BOUNCES_PER_MILLE", 50)
CIRCUIT_COMPLAINTS_PER_MILLE = env.integer("CIRCUIT_COMPLAINTS_PER_MILLE", 3)
"""More hard bounces or complaints than that in a thousand stop the campaign, or all of the client's domain."""
