"""Which hunks of a diff are shown first."""

from autopilot.sources.diff_excerpt import FileDiff, excerpt

QUERY = "@@ -1,2 +1,2 @@\n-orders = table.query(Limit=20)\n+orders = table.scan()\n"
STYLE = "@@ -9 +9 @@\n-margin: 8px;\n+margin: 12px;\n"


def test_behaviour_comes_before_style_and_tests() -> None:
    files = [
        FileDiff("web/a.css", STYLE),
        FileDiff("tests/test_orders.py", QUERY),
        FileDiff("orders.py", STYLE + QUERY),
    ]
    text = excerpt(files, 4_000)
    assert text.index("table.scan()") < text.index("margin")
    assert text.startswith("--- orders.py")


def test_what_does_not_fit_is_counted() -> None:
    text = excerpt([FileDiff(f"f{n}.py", QUERY) for n in range(50)], 600)
    assert len(text) <= 600
    assert "more hunks" in text


def test_nothing_to_show_is_empty_and_hostile_text_is_cleaned() -> None:
    assert excerpt([FileDiff("image.png", "")], 1_000) == ""
    assert "\x00" not in excerpt([FileDiff("a\x00.py", "@@ @@\n+query\x00\u202e")], 1_000)
