"""The sentences are true: they say what the figures say, and call noise noise."""

import pytest
from django.utils import translation

from core.reports.figures import Figures, Tally
from core.reports.summary import summary
from core.reports.wording import wording_in
from tests.reports.history import figures, row


def said(found: Figures, language: str = "en") -> str:
    with translation.override(language):
        return "\n".join(summary(found, wording_in(language)))


def test_rise_by_one_campaign_names_it_with_its_base() -> None:
    found = figures(
        [row("Autumn bulbs", 4_600, 1_110, 230), row("Spring offer", 4_731, 1_940, 240)],
        Tally(sent=9_000, opened=2_169, clicked=450),
    )
    text = said(found)
    assert (
        "Opens rose from 24.1 % to 32.7 % of the mails sent; most of it came from “Spring offer” (41.0 % of 4,731)."
        in text
    )
    assert "Clicks stayed level: 5.0 % before, 5.0 % now." in text


def test_fall_of_every_campaign_is_told_as_such() -> None:
    found = figures(
        [row(f"Letter {number}", 2_000, 400) for number in range(4)], Tally(sent=8_000, opened=2_400, clicked=0)
    )
    assert "Opens fell from 30.0 % to 20.0 % of the mails sent, across the board: 4 of 4 campaigns" in said(found)


def test_difference_in_few_mails_is_called_noise() -> None:
    found = figures([row("Small", 60, 30)], Tally(sent=50, opened=10))
    assert "Opens: 50.0 % of the mails sent, 20.0 % before. With so few mails such figures say little." in said(found)


def test_large_numbers_with_a_difference_of_chance_are_level() -> None:
    found = figures([row("One", 2_000, 500)], Tally(sent=2_000, opened=490))
    assert "Opens stayed level: 24.5 % before, 25.0 % now. So small a difference can be chance." in said(found)


def test_nothing_before_compares_with_nothing() -> None:
    text = said(figures([row("First", 500, 100)]))
    assert "One campaign went out, with 500 mails. Nothing was sent in the period before" in text
    assert "rose" not in text


def test_nothing_sent_says_so() -> None:
    assert said(figures([])) == "No campaign went out in this period."
    assert "in the one before it was 900 mails" in said(figures([], Tally(sent=900)))


@pytest.mark.parametrize(
    ("sent", "complained", "expected"),
    [
        (2_000, 2, "2 reported a mail as spam; with so few mails that is no trend."),
        (4_000, 6, "providers warn at 0.1 %"),
        (1_000, 9, "From 0.3 % on providers block a sender"),
        (20_000, 3, ""),
    ],
)
def test_complaints_are_weighed_against_the_limits(sent: int, complained: int, expected: str) -> None:
    text = said(figures([row("Letter", sent, 200, complained=complained)]))
    assert expected in text if expected else "spam" not in text


def test_bounces_above_the_limit_name_the_most_frequent_reason() -> None:
    text = said(figures([row("Letter", 1_000, 200, bounced=80)]))
    assert "8.0 % of the mails came back. Above 5 %" in text
    assert "The most frequent reason: the mailbox is full (8)." in text


def test_spanish_says_the_same_in_spanish_numbers() -> None:
    found = figures([row("Oferta", 4_731, 1_940), row("Bulbos", 4_600, 1_110)], Tally(sent=9_000, opened=2_169))
    assert "Las aperturas subieron del 24,1 % al 32,7 % de los correos enviados" in said(found, "es")
    assert "«Oferta» (41,0 % de 4" in said(found, "es")
