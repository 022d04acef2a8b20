"""What an edit is, and which trouble it is known for."""

import pytest

from autopilot.analysis.changes.diffs import Nature, nature_of, read_diff
from autopilot.analysis.changes.edits import risk
from autopilot.analysis.changes.hazards import ALL_TOPICS, HAZARDS, TOPICS, Topic, read_hazards


def hazard(topic: Topic, diff: str, file: str = "orders/work.py") -> str:
    """What the edit does that is known for a trouble."""
    found, _, _, meets = risk(read_diff(diff, [file]), {topic: 1.0})
    return found.does if found and meets else ""


@pytest.mark.parametrize(
    ("topic", "diff", "does"),
    [
        ("deadline", "-  timeout: 5s\n+  timeout: 300ms\n", "shortens a deadline"),
        ("deadline", "-READ_TIMEOUT_MS = 3000\n+READ_TIMEOUT_MS = 90\n", "shortens a deadline"),
        ("retries", "-max_attempts = 8\n+max_attempts = 2\n", "allows fewer attempts"),
        ("crash", "-    if user is None:\n-        return ''\n     return user.name\n", "takes a guard away"),
        (
            "work",
            "-SELECT a FROM b ORDER BY c LIMIT 50\n+SELECT a FROM b ORDER BY c\n",
            "takes a limit off a query",
        ),
        ("work", "+for item in basket: table.query(item)\n", "asks once per item of a loop"),
        ("work", " for x in xs:\n+    y = client.fetch(x)\n     out(y)\n", "asks once per item of a loop"),
        ("memory", "+seen = []\n def go(x):\n+    seen.append(x)\n", "collects without an end"),
        ("memory", "+        self.history.append(event)\n", "collects without an end"),
        ("connections", "-    defer rows.Close()\n     return scan(rows)\n", "no longer lets go"),
        ("connections", "-pool_size: 40\n+pool_size: 4\n", "allows fewer connections or workers"),
        ("locks", "+rows = db.query('SELECT * FROM a WHERE id = 1 FOR UPDATE')\n", "takes a lock"),
        ("cache", "-CACHE_TTL = 600\n+CACHE_TTL = 5\n", "keeps cached values for a shorter time"),
        ("address", "-  search_host: es-1\n+  search_host: es-2\n", "changes where calls go"),
        ("access", '-scope = "orders:read"\n+scope = "order:read"\n', "changes who is let in"),
        ("throttling", "-requests_per_minute: 600\n+requests_per_minute: 60\n", "allows a lower rate"),
        ("data", '-    Total int `json:"total"`\n+    Total int `json:"sum"`\n', "renames or drops a field"),
        ("backlog", "-consumers: 30\n+consumers: 3\n", "consumes with less"),
    ],
)
def test_edits_are_known_for_their_trouble(topic: Topic, diff: str, does: str) -> None:
    assert hazard(topic, diff) == does


@pytest.mark.parametrize(
    ("topic", "diff"),
    [
        ("deadline", "-  timeout: 3s\n+  timeout: 5s\n"),
        ("deadline", "-  timeout: 3s\n+  timeout: 3000ms\n"),
        ("retries", "-max_attempts = 2\n+max_attempts = 8\n"),
        ("crash", "+    if user is None:\n+        return ''\n     return user.name\n"),
        ("crash", "-    if a is None:\n+    if a  is  None:\n"),
        ("work", "+# SELECT * FROM orders without a limit\n"),
        ("work", "+for row in table.query(item):\n+    out(row)\n"),
        ("memory", "+recent = lru.new(max_size=256)\n+recent.add(x)\n"),
        ("memory", " def go(x):\n+    seen = []\n+    seen.append(x)\n"),
        ("connections", "-    defer rows.Close()\n+    defer func() { rows.Close() }()\n"),
    ],
)
def test_harmless_edits_are_known_for_nothing(topic: Topic, diff: str) -> None:
    assert hazard(topic, diff) == ""


@pytest.mark.parametrize(
    ("file", "diff", "nature"),
    [
        ("docs/api.md", "+words\n", "documents"),
        ("pkg/retry_test.go", "+t.Fatal(1)\n", "tests"),
        (".github/workflows/ci.yml", "+  run: make\n", "pipeline"),
        ("web/basket.css", "-a\n+b\n", "presentation"),
        ("go.mod", "-x v1.0.1\n+x v1.0.2\n", "dependencies"),
        ("app/main.py", "-    # old words\n+    # new words\n", "comments"),
        ("app/main.py", '-log.debug("a")\n+log.info("a %s", b)\n', "logging"),
        ("app/main.py", "-x = 1\n-y = 2\n+y = 2\n+x = 1\n", "moved"),
        (
            "app/fetch.go",
            "-\tout, err := s.Get(k)\n-\treturn out, err\n+\treturn s.fetch(k)\n+}\n+func (s *S) fetch(k K) {\n"
            "+\tout, err := s.Get(k)\n+\treturn out, err\n",
            "moved",
        ),
        ("app/main.py", "-x = 1\n+x = 2\n", "code"),
        ("app/main.py", "", "code"),
    ],
)
def test_nature_is_told_by_path_and_by_lines(file: str, diff: str, nature: Nature) -> None:
    assert nature_of(read_diff(diff, [file])) == nature


def test_nature_of_a_change_is_that_of_its_most_harmful_file() -> None:
    assert nature_of(read_diff("", ["README.md", "app/main.py"])) == "code"
    assert nature_of(()) == "unknown"


@pytest.mark.parametrize(
    "diff",
    [
        "diff --git a/a/x.py b/a/x.py\nindex 1..2\n--- a/a/x.py\n+++ b/a/x.py\n@@ -1 +1 @@\n-p\n+q\n"
        "diff --git a/b/y.py b/b/y.py\n--- a/b/y.py\n+++ b/b/y.py\n@@ -1 +1 @@\n-r\n+s\n",
        "--- a/x.py\n@@ -1 +1 @@\n-p\n+q\n--- b/y.py\n@@ -1 +1 @@\n-r\n+s\n",
        "@@ a/x.py @@ def f():\n-p\n+q\n@@ b/y.py: def g():\n-r\n+s\n",
    ],
)
def test_files_are_told_apart_however_the_diff_is_headed(diff: str) -> None:
    edits = {e.path: (e.net("-"), e.net("+")) for e in read_diff(diff, ["a/x.py", "b/y.py"])}
    assert edits == {"a/x.py": (("p",), ("q",)), "b/y.py": (("r",), ("s",))}


@pytest.mark.parametrize(
    "diff",
    ["\x00\ud800@@", "@@ " * 5_000, "+" + "a(" * 20_000, "-" * 50_000, "+if " + "x " * 9_000, "--- \n+++ \n@@\n"],
)
def test_hostile_diffs_are_read_without_harm(diff: str) -> None:
    edits = read_diff(diff, ["a/x.py"])
    assert sum(len(e.lines) for e in edits) <= 500
    assert 0 <= risk(edits, dict.fromkeys(ALL_TOPICS, 1.0))[3] <= 1


def test_every_topic_has_words_and_a_hazard() -> None:
    caused = {topic for h in HAZARDS for topic in h.topics}
    assert set(TOPICS) == set(ALL_TOPICS)
    assert caused >= set(ALL_TOPICS) - {"slowness"}


def test_broken_hazards_are_refused_with_their_place() -> None:
    with pytest.raises(ValueError, match="no regular expression"):
        read_hazards("topics: {crash: ['(']}\nhazards: []\nbounds: [x]\n")
