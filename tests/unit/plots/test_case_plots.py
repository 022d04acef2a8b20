"""The pictures of a case: what they show, that equal cases give equal pictures, and that no text breaks them."""

import json
import struct
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from autopilot.analysis.dossier import analyze
from autopilot.analysis.topology import Graph
from autopilot.case.case import Case
from autopilot.plots.case import draw_case
from autopilot.plots.curves import MOST, read_curves
from autopilot.plots.drawing import middle_out
from autopilot.plots.layers import COLUMNS, lay_out
from autopilot.plots.service_map import services_of
from tests.unit.analysis.story import NOW, Story, dependency_down, healthy, throttled_checkout


def width_of(png: Path) -> int:
    content = png.read_bytes()
    assert content.startswith(b"\x89PNG")
    (width,) = struct.unpack(">I", content[16:20])
    return int(width)


def test_equal_cases_give_equal_pictures_of_readable_width(tmp_path: Path) -> None:
    case = throttled_checkout(1)
    for folder in ("a", "b"):
        plots = draw_case(case, analyze(case), tmp_path / folder)
        assert [plot.name for plot in plots if plot.path] == ["metrics", "services", "timeline"]
    for name in ("metrics.png", "services.png", "timeline.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert width_of(tmp_path / "a" / name) == 1800


def test_the_curves_are_those_of_the_suspects_with_band_and_onset() -> None:
    case = dependency_down(1)
    dossier = analyze(case)
    curves = read_curves(case, dossier)
    assert curves[0].suspect == 1
    assert curves[0].finding.service == "bank-gateway"
    assert len(curves) <= MOST
    assert len({curve.finding.id for curve in curves}) == len(curves)
    for curve in curves:
        low, high = curve.band
        before = [v for t, v in zip(curve.times, curve.values, strict=True) if t < NOW - timedelta(minutes=10)]
        assert sum(low <= v <= high for v in before) >= 0.95 * len(before)
        assert not low <= curve.values[-1] <= high
        assert low >= 0


def test_a_suspect_without_a_series_of_its_own_is_shown_by_what_began_with_its_evidence() -> None:
    case = throttled_checkout(1)
    first = read_curves(case, analyze(case))[0]
    assert first.suspect == 1
    assert first.finding.metric is not None
    assert first.finding.metric.name == "ConsumedReadCapacityUnits"


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    plots = {plot.name: plot for plot in draw_case(healthy(1), analyze(healthy(1)), tmp_path)}
    assert plots["metrics"].path is None
    assert "moved" in plots["metrics"].said
    bare = Story(1).case()
    said = {plot.name: plot.said for plot in draw_case(bare, analyze(bare), tmp_path) if plot.path is None}
    assert said["metrics"] == "the case has no metrics"


def hostile() -> Case:
    """Names that mean something to a drawing library, or nothing to its font."""
    name = "$\\frac{1}{0}$ \u202e名前🙂 " + "x" * 300
    story = Story(1, services=(name,))
    story.metric(name, "ns$", "Latency$_{", "Average", "$\\bad$", story.steps(50, (5, 900)), Service=name)
    story.metric(name, "ns", "Errors", "Sum", "Count", story.steps(0, (5, 9e17)), Service=name)
    story.add("topology", {"caller": name, "callee": "$b_{", "weight": 1.0, "source": "trace"},
              {"caller": "$b_{", "callee": name, "weight": 1.0, "source": "trace"})  # fmt: skip
    story.change("c:1", "deploy", 60 * 24 * 900, "$\\alpha", service=name, files=json.dumps(["x"]))
    story.logs(name, "error", "$\\sum {n} failed", 5, 20)
    return story.case()


def test_no_text_breaks_a_picture(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    case = hostile()
    plots = draw_case(case, analyze(case), tmp_path)
    assert [plot.name for plot in plots if plot.path] == ["metrics", "services", "timeline"]
    assert not [w for w in recwarn if "Glyph" in str(w.message)]


def test_the_map_shows_blame_alert_and_suffering() -> None:
    case = dependency_down(1)
    found = services_of(case, analyze(case))
    assert found["bank-gateway"].place == 1
    assert found["checkout"].alerted
    assert found["payments"].hurt
    assert found["bank-gateway"].score > max(s.score for s in found.values() if s.place != 1)


def test_callers_stand_left_of_what_they_call_and_nobody_on_anybody() -> None:
    graph = Graph.of([("web", "cart"), ("web", "pay"), ("cart", "db"), ("pay", "bank"), ("bank", "db"), ("x", "x")])
    layout = lay_out(graph, {"db": (0.9, False, True), "alone": (0.2, False, False)}, 28)
    assert all(layout.places[a][0] < layout.places[b][0] for a, b in layout.edges)
    assert layout.places["db"][0] == 3
    assert len(set(layout.places.values())) == len(layout.places) == 6
    assert layout.places["alone"][1] > max(y for n, (_, y) in layout.places.items() if n != "alone")


def test_circles_and_deep_chains_end_and_large_maps_keep_what_matters() -> None:
    chain = [(f"s{n}", f"s{n + 1}") for n in range(40)]
    layout = lay_out(Graph.of([*chain, ("s40", "s0")]), {"s30": (0.8, False, True)}, 12)
    assert "s30" in layout.places
    assert len(layout.places) == 12
    assert layout.left_out == 41 - 12
    assert max(x for x, _ in layout.places.values()) < COLUMNS
    for first, second in pairwise(sorted(layout.places.values())):
        assert abs(first[0] - second[0]) + abs(first[1] - second[1]) >= 0.5


def test_long_names_keep_both_ends() -> None:
    assert middle_out("lambda_step_price_greater", 12) == "lambd…reater"
    assert middle_out("short", 12) == "short"
