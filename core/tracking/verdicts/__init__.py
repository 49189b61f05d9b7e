"""Who was behind an open or a click: a person, or a machine that reads mail on its way.

`agents.py` and `networks.py` recognise (signals of one request), `together.py` looks at all hits of one mail,
`rule.py` weighs: one pure function from these signals to a verdict with its reasons. A verdict rests only on what is
kept with the events, so that it can be derived again when we know better; `touched.py` derives those of mails with new
events, `recompute.py` those of the past. None of the signals is proof, hence the reason codes.
"""

from core.tracking.verdicts.rule import TOO_SOON_SECONDS, Hit, Judgement, judge
from core.tracking.verdicts.seen import hit_of

__all__ = ["TOO_SOON_SECONDS", "Hit", "Judgement", "hit_of", "judge"]
