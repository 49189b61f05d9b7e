"""What the checks beside the editor say."""

import pytest

from core.email_templates.html import prepare_html
from core.email_templates.inspection import CLIPPED_BYTES, inspect_mail
from core.email_templates.merge_tags import KnownKeys
from core.email_templates.preview import MailSource

WAY_OUT = '<a href="{{ system.unsubscribe_url }}">Leave</a>'


def found(html: str, *, subject: str = "News", text: str = "") -> list[tuple[str, str, int]]:
    findings = inspect_mail(MailSource(subject, "", html, text)).findings
    return [(finding.code, finding.field, finding.line) for finding in findings]


def test_inspect_good_mail_finds_nothing() -> None:
    assert found(f"<p>Hello</p>{WAY_OUT}") == []


def test_inspect_unknown_tag_names_the_line_and_the_nearest() -> None:
    (finding,) = inspect_mail(MailSource("News", "", f"<p>\n{{{{ contact.frist_name }}}}</p>{WAY_OUT}")).errors

    assert (finding.field, finding.line) == ("html", 2)
    assert "Did you mean {{ contact.first_name }}?" in finding.message


def test_inspect_subject_inside_the_subject_is_an_error() -> None:
    assert found(WAY_OUT, subject="Re: {{ campaign.subject }}") == [("merge_tags", "subject", 1)]


@pytest.mark.parametrize("html", ["<p>Hi</p>", "<!-- {{ system.unsubscribe_url }} --><p>Hi</p>"])
def test_inspect_no_way_out_is_a_warning(html: str) -> None:
    assert found(html) == [("no_unsubscribe", "html", 0)]


def test_inspect_own_text_needs_a_way_out_too() -> None:
    assert found(WAY_OUT, text="Bye") == [("no_unsubscribe", "text", 0)]
    assert found(WAY_OUT, text="Bye {{ system.unsubscribe_url }}") == []


def test_inspect_picture_without_alt_names_its_line() -> None:
    html = f'<p>\n<img src="https://a.example/a.png"><img src="https://a.example/b.png" alt=""></p>{WAY_OUT}'

    assert found(html) == [("alt", "html", 2)]


def test_inspect_mail_near_the_clipping_size_is_a_warning() -> None:
    inspection = inspect_mail(MailSource("News", "", f"<p>{'x' * CLIPPED_BYTES}</p>{WAY_OUT}"))

    assert [finding.code for finding in inspection.warnings] == ["size"]
    assert inspection.size_bytes > CLIPPED_BYTES


def test_inspect_unreadable_html_is_an_error_not_an_exception() -> None:
    assert ("unreadable", "html", 0) in found("<div>" * 300 + WAY_OUT)


def test_inspect_unknown_tag_brings_what_to_write_instead() -> None:
    (finding,) = inspect_mail(MailSource("News", "", f"{{{{ contact.frist_name }}}}{WAY_OUT}")).errors

    assert (finding.tag, finding.suggestion) == ("{{ contact.frist_name }}", "{{ contact.first_name }}")


def test_inspect_field_that_the_client_does_not_have_is_a_warning_with_the_nearest() -> None:
    html = f'<p>\n{{{{ if contact.attributes.citty is "Berlin" }}}}x{{{{ end }}}}</p>{WAY_OUT}'
    known = KnownKeys(attributes=frozenset({"city"}))
    inspection = inspect_mail(MailSource("News", "", html), known)

    (finding,) = inspection.warnings
    assert inspection.errors == ()
    assert (finding.code, finding.line) == ("unknown_field", 2)
    assert finding.suggestion == '{{ if contact.attributes.city is "Berlin" }}'
    assert inspect_mail(MailSource("News", "", html)).warnings == ()


def test_inspect_link_and_contrast_are_warnings_with_lines() -> None:
    html = f'<p style="color:#ccc">\nweak</p>\n<a href="http://shop.example">Shop</a>{WAY_OUT}'
    inspection = inspect_mail(MailSource("News", "", html))

    assert [(one.code, one.line) for one in inspection.warnings] == [("link_http", 3), ("contrast", 1)]
    assert "1.6 to 1" in inspection.warnings[1].message
    assert [link.target for link in inspection.links] == ["http://shop.example", "{{ system.unsubscribe_url }}"]


def test_inspect_hints_stand_apart_from_warnings() -> None:
    inspection = inspect_mail(MailSource("News", "", f"<html><body>{WAY_OUT}</body></html>"))

    assert inspection.findings == ()
    assert {one.code for one in inspection.hints} == {"no_language", "no_address"}


def test_inspect_size_is_that_of_the_mail_as_sent() -> None:
    html = f"<style>p{{color:#333}}</style><p>Hi</p>{WAY_OUT}"
    assert inspect_mail(MailSource("News", "", html)).size_bytes == len(prepare_html(html).encode())
