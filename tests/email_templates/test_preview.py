"""Previews: as whom, in which colours."""

from core.email_templates.preview import (
    MailSource,
    has_dark_rules,
    in_scheme,
    preview_mail,
    sample_person,
    without_images,
)

DARK = "<style>@media (prefers-color-scheme: dark){p{color:red}} @media(prefers-color-scheme:light){p{top:0}}</style>"


def test_in_scheme_turns_the_mails_own_rules_on_and_off() -> None:
    document = f"<html><head>{DARK}</head><body><p>Hi</p></body></html>"
    dark, light = in_scheme(document, "dark"), in_scheme(document, "light")

    assert "@media (min-width:0){p{color:red}}" in dark and "@media(max-width:0){p{top:0}}" in dark
    assert "@media (max-width:0){p{color:red}}" in light and "@media(min-width:0){p{top:0}}" in light
    assert "color-scheme:dark" in dark and "color-scheme:light" in light
    assert "color-scheme:light" in in_scheme("<html><head></head><p>Hi</p></html>", "dark"), (
        "as it is, without own rules"
    )


def test_has_dark_rules_says_whether_the_mail_has_its_own() -> None:
    assert has_dark_rules(DARK)
    assert not has_dark_rules("<style>@media (prefers-color-scheme: light){p{top:0}}</style>")


def test_sample_person_longest_and_empty_hold_every_field() -> None:
    source = MailSource("{{ contact.first_name }}", "", "<p>[{{ contact.attributes.city }}]{{ contact.email }}</p>")
    longest = preview_mail(source, sample_person("longest", ["city"]))
    empty = preview_mail(source, {"contact.email": "a@people.example", **sample_person("empty", ["city"])})

    assert len(longest.subject) > 20 and len(longest.text) > 100
    assert empty.subject == "" and empty.text == "[]a@people.example\n"


def test_without_images_leaves_alt_texts_and_loads_nothing() -> None:
    document = (
        "<style>p{background:url(https://a.example/1.png) #fff}</style><table background='https://a.example/2.png'>"
        '<td style="background-image: url(&quot;https://a.example/3.png&quot;)">url(x)'
        '<img alt="Roses" src="https://a.example/4.png" srcset="https://a.example/5.png 2x" width="9"></td></table>'
    )
    shown = without_images(document)

    assert "a.example" not in shown
    assert 'alt="Roses"' in shown and 'width="9"' in shown and "#fff" in shown and ">url(x)<" in shown
