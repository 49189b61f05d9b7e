"""What changed against the period before, in sentences that follow from the figures by rules alone.

A rise or a fall is called one only when chance does not explain it, and gets its reason: the campaigns whose opens make
up most of the difference. Call with the report's language active.
"""

from collections.abc import Callable, Sequence

from core.reports.figures import CampaignRow, Figures, Tally
from core.reports.numbers import FEW, count_text, decimal_text, is_certain, share, share_text, shown_url
from core.reports.wording import Wording

MOST = 0.5
"""Of a difference: what one campaign has to make up to be named as its source."""
MOST_OF_TWO = 0.6
BOUNCE_LIMIT, BOUNCE_NOTICE = 5.0, 2.0
COMPLAINT_LIMIT, COMPLAINT_WARNING = 0.3, 0.1
"""Percent of the mails sent, as mailbox providers publish them (Gmail's and Yahoo's sender guidelines)."""
FEW_COMPLAINTS = 3
Count = Callable[[Tally], int]


def summary(figures: Figures, words: Wording) -> list[str]:
    """Four to nine sentences, the most important first."""
    if not figures.now.sent:
        return [_nothing(figures, words), *_audience(figures, words)]
    return [
        _volume(figures, words),
        _rate(figures, words, words.sum_opens, lambda tally: tally.opened),
        _rate(figures, words, words.sum_clicks, lambda tally: tally.clicked),
        *_best(figures, words),
        *_unsubscribes(figures, words),
        *_trouble(figures, words),
        *_audience(figures, words),
        *_cautions(figures, words),
    ]


def _nothing(figures: Figures, words: Wording) -> str:
    mails = figures.before.sent
    return words.sum_nothing_before.format(mails=count_text(mails)) if mails else words.sum_nothing


def _volume(figures: Figures, words: Wording) -> str:
    now, then = figures.now.sent, figures.before.sent
    beginning = words.sum_volume_one if len(figures.campaigns) == 1 else words.sum_volume
    sentence = beginning.format(campaigns=count_text(len(figures.campaigns)), mails=count_text(now))
    if not then:
        return sentence + words.sum_volume_first
    return sentence + words.sum_volume_before.format(mails=count_text(then), change=change_text(now, then, words))


def change_text(now: int, then: int, words: Wording) -> str:
    """ "+21.3 %" against the number before, which is not 0."""
    if now == then:
        return words.unchanged
    percent = 100 * (now - then) / then
    return f"{'+' if percent > 0 else '−'}{decimal_text(abs(percent))} %"


def _rate(figures: Figures, words: Wording, what: str, count: Count) -> str:
    now, then = figures.now, figures.before
    rate = share_text(count(now), now.sent)
    if not then.sent:
        return words.sum_alone.format(what=what, now=rate)
    filled = {"what": what, "now": rate, "before": share_text(count(then), then.sent)}
    if min(now.sent, then.sent) < FEW:
        return words.sum_few.format(**filled)
    if not is_certain(count(now), now.sent, count(then), then.sent):
        return words.sum_same.format(**filled)
    is_rise = count(now) / now.sent > count(then) / then.sent
    return (words.sum_rose if is_rise else words.sum_fell).format(**filled) + _source(figures, words, count)


def _source(figures: Figures, words: Wording, count: Count) -> str:
    """Which campaigns make up most of the difference between the rates: each one's mails above (or below) what they
    would have been at the earlier rate."""
    rate_before = count(figures.before) / figures.before.sent
    difference = count(figures.now) - rate_before * figures.now.sent

    def part(row: CampaignRow) -> float:
        return (count(row.tally) - rate_before * row.tally.sent) / difference

    rows = sorted((row for row in figures.campaigns if row.tally.sent), key=part, reverse=True)
    if len(rows) < 2:
        return "."
    first, second = rows[:2]
    if part(first) >= MOST and part(second) < MOST:
        return words.sum_one_source.format(**_of(first, count))
    if len(rows) > 2 and part(first) + part(second) >= MOST_OF_TWO:
        other = {f"other_{name}": value for name, value in _of(second, count).items()}
        return words.sum_two_sources.format(**_of(first, count), **other, other=second.name)
    if difference > 0:
        above = sum(1 for row in rows if count(row.tally) > rate_before * row.tally.sent)
        return words.sum_most_above.format(count=above, all=len(rows))
    below = sum(1 for row in rows if count(row.tally) < rate_before * row.tally.sent)
    return words.sum_most_below.format(count=below, all=len(rows))


def _of(row: CampaignRow, count: Count) -> dict[str, str]:
    mails = row.tally.sent
    return {"name": row.name, "rate": share_text(count(row.tally), mails), "mails": count_text(mails)}


def best_campaign(rows: Sequence[CampaignRow]) -> CampaignRow | None:
    """The one with the highest click rate among those large enough to tell; None when there is no choice."""
    large = [row for row in rows if row.tally.sent >= FEW and not row.is_young]
    if len(large) < 2:
        return None
    best = max(large, key=lambda row: (row.tally.clicked / row.tally.sent, row.tally.opened / row.tally.sent))
    return best if best.tally.clicked else None


def _best(figures: Figures, words: Wording) -> list[str]:
    sentences = []
    if best := best_campaign(figures.campaigns):
        opens, clicks = (share_text(mails, best.tally.sent) for mails in (best.tally.opened, best.tally.clicked))
        sentences.append(words.sum_best.format(name=best.name, opens=opens, clicks=clicks))
    if figures.links and figures.links[0].people >= FEW_COMPLAINTS:
        link = figures.links[0]
        shown = shown_url(link.url)
        sentences.append(words.sum_link.format(link=shown, people=count_text(link.people), campaign=link.campaign))
    return sentences


def _unsubscribes(figures: Figures, words: Wording) -> list[str]:
    now, then = figures.now, figures.before
    if not now.unsubscribed:
        return [words.sum_left_none]
    rate = share_text(now.unsubscribed, now.sent)
    if now.unsubscribed == 1:
        return [words.sum_left_one.format(rate=rate)]
    filled = {
        "people": count_text(now.unsubscribed),
        "rate": rate,
        "before": share_text(then.unsubscribed, then.sent),
    }
    if not is_certain(now.unsubscribed, now.sent, then.unsubscribed, then.sent):
        return [words.sum_left.format(**filled)]
    is_more = now.unsubscribed / now.sent > then.unsubscribed / then.sent
    return [(words.sum_left_more if is_more else words.sum_left_fewer).format(**filled)]


def _trouble(figures: Figures, words: Wording) -> list[str]:
    """Bounces and complaints where there is something to say about them."""
    now = figures.now
    sentences = []
    bounces = share(now.bounced, now.sent) or 0
    if bounces >= BOUNCE_NOTICE:
        sentence = words.sum_bounces_high if bounces >= BOUNCE_LIMIT else words.sum_bounces_ok
        sentences.append(sentence.format(rate=share_text(now.bounced, now.sent)) + _bounce_reason(figures, words))
    complaints = share(now.complained, now.sent) or 0
    if now.complained and complaints >= COMPLAINT_WARNING:
        filled = {"mails": count_text(now.complained), "rate": share_text(now.complained, now.sent)}
        if now.complained < FEW_COMPLAINTS:
            sentences.append(words.sum_complaints_few.format(**filled))
        else:
            is_over = complaints >= COMPLAINT_LIMIT
            sentences.append((words.sum_complaints_over if is_over else words.sum_complaints_near).format(**filled))
    return sentences


def _bounce_reason(figures: Figures, words: Wording) -> str:
    if not figures.reasons:
        return ""
    first = figures.reasons[0]
    name = words.reasons.get(first.name, words.other)
    return words.sum_bounces_reason.format(reason=name[:1].lower() + name[1:], mails=count_text(first.mails))


def _audience(figures: Figures, words: Wording) -> list[str]:
    audience = figures.audience
    if audience is None:
        return []
    change = audience.joined - audience.left
    sentence = words.sum_grew if change > 0 else words.sum_shrank if change < 0 else words.sum_level
    joined, left = count_text(audience.joined), count_text(audience.left)
    return [sentence.format(total=count_text(audience.at_end), joined=joined, left=left)]


def _cautions(figures: Figures, words: Wording) -> list[str]:
    """What a reader has to know before they trust a figure."""
    machines = figures.now.prefetched + figures.now.scanned
    sentences = [words.sum_machines.format(mails=count_text(machines))] if machines else []
    return sentences + [words.sum_young.format(name=row.name) for row in figures.campaigns if row.is_young][:2]
