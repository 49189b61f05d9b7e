"""Counters beside the events they count: added to in the transaction that writes the events.

`contributions` says in SQL what events add to the counters; `folding` adds differences of that; `arrivals` finds the
difference that new events make, `changing` the one of events that are judged anew, `rebuilding` the one between the
events and what stands in the counters; `recounting` counts what comes from the ledger and from the groups. Differences
are found by statements that see events and counters of the same moment, and added: nobody waits for a recount.
"""

from core.tracking.rollups.arrivals import TABLES, count_fresh, span
from core.tracking.rollups.changing import changing
from core.tracking.rollups.contributions import DOMAIN
from core.tracking.rollups.folding import gathering
from core.tracking.rollups.rebuilding import rebuild_campaign, rebuild_periods
from core.tracking.rollups.recounting import recount_groups, recount_sent, recount_sent_periods

__all__ = [
    "DOMAIN",
    "TABLES",
    "changing",
    "count_fresh",
    "gathering",
    "rebuild_campaign",
    "rebuild_periods",
    "recount_groups",
    "recount_sent",
    "recount_sent_periods",
    "span",
]
