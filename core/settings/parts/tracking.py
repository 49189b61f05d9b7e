"""How results of mails are kept and judged, and the web server that takes them."""

from core.settings import env

WEBHOOK_KEEP_DAYS = env.integer("WEBHOOK_KEEP_DAYS", 30, minimum=2)
"""Posts of mail providers and events that were set aside are forgotten after so many days. Longer than a day: a post
that comes again is known by its row."""
BOUNCES_BEFORE_STOP = env.integer("BOUNCES_BEFORE_STOP", 3, minimum=1)
"""A full mailbox and the like stop a contact after bounces on so many days within BOUNCE_DAYS."""
BOUNCE_DAYS = env.integer("BOUNCE_DAYS", 30, minimum=1)
TRACKING_QUEUE = env.integer("TRACKING_QUEUE", 1_000_000, minimum=1)
"""Opens and clicks that may wait in Redis for a worker; what comes beyond is answered, lost and counted."""
WEB_THREADS = env.integer("WEB_THREADS", 4, minimum=1)
"""Requests that Django answers at once in one web process. Opens and clicks need none of them."""
REPLY_KEEP_MONTHS = env.integer("REPLY_KEEP_MONTHS", 25, minimum=0)
"""What people wrote back is let go after so many whole months; that they did stays as an event. 0 keeps it as long as
the contact."""
EVENT_KEEP_MONTHS = env.integer("EVENT_KEEP_MONTHS", 25, minimum=0)
"""Single opens, clicks and reports are let go after so many whole months; counters stay. 0 keeps them for good."""
