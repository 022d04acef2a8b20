"""The model section: what a typing error, a fallback or a step of its own becomes."""

from pathlib import Path
from typing import Any

import pytest

from autopilot.settings import Settings, SettingsError, load


def settings_of(folder: Path, text: str) -> Settings:
    (folder / "autopilot.yaml").write_text(text)
    return load(folder / "autopilot.yaml")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("model:\n  kind: openai\n  temprature: 0.2\n", 3, "temprature"),
        ("model:\n  analysis:\n    naem: gpt-4o\n", 3, "naem"),
        ("model:\n  fallbacks:\n    backup:\n      name: small\n      base-url: http://h/v1\n", 5, "base-url"),
        ("model:\n  fallbacks:\n    backup:\n      base_url: http://h/v1\n", 3, "name"),
        ("model:\n  fallbacks:\n    Back-Up:\n      name: small\n", 3, "pattern"),
        ("model:\n  reasoning_effort: huge\n", 2, "minimal"),
        ("model:\n  breaker:\n    failures: 0\n", 3, "greater than 0"),
        ("model:\n  input_usd_per_million: 1\n", 1, "output_usd_per_million"),
        ("model:\n  summary:\n    name: small\n    input_usd_per_million: 1\n", 1, "output_usd_per_million"),
    ],
)
def test_a_wrong_key_is_refused_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(tmp_path, text)
    assert f"autopilot.yaml:{line}:" in str(caught.value)
    assert said in str(caught.value)


FALLBACKS = """
model:
  kind: openai
  planning: {name: gpt-4o-mini}
  fallbacks:
    zeta: {name: first, base_url: "http://a/v1"}
    alpha: {name: second, base_url: "http://b/v1"}
"""


def test_fallbacks_keep_their_order_and_get_their_keys_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {"API_KEY": "k0", "FALLBACKS__ALPHA__API_KEY": "k2", "PLANNING__API_KEY": "k3"}
    for name, value in secrets.items():
        monkeypatch.setenv(f"AUTOPILOT_MODEL__{name}", value)
    settings = settings_of(tmp_path, FALLBACKS)
    asked: list[tuple[str, Any]] = [
        (one.name, one.api_key and one.api_key.get_secret_value()) for one in settings.model.order("planning")
    ]
    assert asked == [("gpt-4o-mini", "k3"), ("first", None), ("second", "k2")]
    assert settings.model.order("summary")[0].api_key == settings.model.api_key
    assert "k2" not in repr(settings)


def test_a_key_for_a_fallback_that_does_not_exist_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOPILOT_MODEL__FALLBACKS__ALFA__API_KEY", "k2")
    with pytest.raises(SettingsError, match=r"fallbacks\.alfa\.name: Field required"):
        settings_of(tmp_path, FALLBACKS)


def test_a_step_may_take_the_temperature_away(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "model:\n  temperature: 0.3\n  summary: {temperature: null}\n")
    assert settings.model.order("analysis")[0].temperature == 0.3
    assert settings.model.order("summary")[0].temperature is None
