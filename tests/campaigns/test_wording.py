"""Hints about subject and preheader."""

import pytest

from core.campaigns.wording import hints, shown_length, spam_words

LINE = "Wreaths made by hand this week, and how to keep them fresh"


def codes(subject: str, preheader: str = LINE) -> set[str]:
    return {hint.code for hint in hints(subject, preheader)}


@pytest.mark.parametrize(
    ("subject", "preheader", "code"),
    [
        ("A" + "b" * 75, LINE, "subject_long"),
        ("RE: your order", LINE, "subject_reply"),
        ("Fwd: look", LINE, "subject_reply"),
        ("EVERYTHING MUST GO NOW", LINE, "subject_capitals"),
        ("Now!! Really?", LINE, "subject_marks"),
        ("🎉🎉🎉 Party", LINE, "subject_emoji"),
        ("Act now and order now", LINE, "subject_spam"),
        ("Autumn letter", "", "preheader_missing"),
        ("Autumn letter", "autumn LETTER ", "preheader_same"),
        ("Autumn letter", "Short", "preheader_short"),
        ("Autumn letter", "x" * 130, "preheader_long"),
    ],
)
def test_hints_name_what_could_be_better(subject: str, preheader: str, code: str) -> None:
    assert code in codes(subject, preheader)


@pytest.mark.parametrize(
    "subject",
    [
        "Autumn letter",
        "{{ contact.first_name }}, dahlias are here 🌼",
        "IKEA and NASA",
        "Ready for Friday? We are",
        "Refresh your balcony",
        "{{ CONTACT.FIRST_NAME_IN_CAPITALS }} hello",
    ],
)
def test_hints_leave_good_lines_alone(subject: str) -> None:
    assert codes(subject) == set()


def test_length_is_counted_as_a_reader_does() -> None:
    assert shown_length('Hi {{ contact.first_name | default: "dear reader" }}') == len("Hi Amelia")
    assert shown_length("e\u0301\u200d") == 1


def test_spam_words_are_whole_words_named_once() -> None:
    assert spam_words("Urgent: click here, CLICK HERE. A surgent winners") == ["urgent", "click here"]
