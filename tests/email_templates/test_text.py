"""The plain text part is readable, keeps links and merge tags, and shows nothing hidden."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.email_templates.html import prepare_html, with_open_pixel, with_preheader
from core.email_templates.text import html_to_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("<p>One</p><p>Two</p>", "One\n\nTwo\n"),
        ("<div>One</div>\n  <div><div>Two</div></div>", "One\nTwo\n"),
        ("One<br>Two<br/><br>Three", "One\nTwo\n\nThree\n"),
        ("<p>A   b\n c <b>d</b>e</p>", "A b c de\n"),
        ("<p>Fern &amp; Field &lt;3&nbsp;&euro;</p>", "Fern & Field <3 €\n"),
        ("<ul><li>a</li><li><p>b</p></li></ul><ol><li>c</li><li>d</li></ol>", "- a\n- b\n\n1. c\n2. d\n"),
        ("<h1>Head</h1>text<hr>more", "Head\n\ntext\n\n----------------------------------------\n\nmore\n"),
        ('<a href="https://a.example/?a=1&amp;b=2">Shop</a> now', "Shop (https://a.example/?a=1&b=2) now\n"),
        ('<a href="https://a.example/">a.example</a>', "a.example\n"),
        ('<a href="https://a.example/">https://a.example/</a>', "https://a.example/\n"),
        ('<a href="https://a.example/"><img src="x.png" alt="Our shop"></a>', "[Our shop] (https://a.example/)\n"),
        ('<a href="https://a.example/"><img src="x.png" alt=""></a>', "https://a.example/\n"),
        ('<a href="mailto:a@b.example">Write</a> <a href="#x">up</a>', "Write up\n"),
        ('<div role="img" aria-label="A hill">&amp;</div>after', "[A hill]\nafter\n"),
        ("<table><tr><td>Tea</td><td>3 €</td></tr><tr><td>Cake</td><td>4 €</td></tr></table>", "Tea 3 €\nCake 4 €\n"),
        ("<title>T</title><style>p{}</style><script>x</script><p>only</p>", "only\n"),
        ("a<!-- note -->b<!--[if mso]><p>Outlook</p><![endif]--><!--[if !mso]><!--><i>c</i><!--<![endif]-->", "abc\n"),
        ('<div style="color:red; display : none"><div>x</div>y</div>shown', "shown\n"),
        ("<p hidden>x</p>shown", "shown\n"),
        ("👩‍🌾 a\u200bb", "👩‍🌾 ab\n"),
    ],
)
def test_html_to_text_of_one_construct(source: str, text: str) -> None:
    assert html_to_text(source) == text


def test_html_to_text_merge_tags_stay_in_text_and_links() -> None:
    source = (
        '<p>Hi {{ contact.first_name | default: "you" }},</p>'
        '<p><a href="{{ system.unsubscribe_url }}">Leave</a> '
        '<a href="https://a.example/?q={{ contact.email | default: "x" }}">Go</a></p>'
    )
    assert html_to_text(source) == (
        'Hi {{ contact.first_name | default: "you" }},\n\n'
        'Leave ({{ system.unsubscribe_url }}) Go (https://a.example/?q={{ contact.email | default: "x" }})\n'
    )


def test_html_to_text_of_a_prepared_mail_leaves_out_preheader_and_pixel() -> None:
    document = with_preheader(prepare_html("<p>Hello</p>"), "Look inside")
    assert html_to_text(with_open_pixel(document, "{{ system.open_pixel_url }}")) == "Hello\n"


@given(source=st.text(alphabet="<>/ab\"'= \n&;!-[]{}li", max_size=80))
def test_html_to_text_of_anything_is_one_tidy_text(source: str) -> None:
    text = html_to_text(source)
    assert "\n\n\n" not in text
    assert text == "" or (text.endswith("\n") and text.strip())
