"""List prices of common models, in USD per million tokens. Settings override; an unknown model has no price."""

from dataclasses import dataclass

from autopilot.settings_model import LanguageModel


@dataclass(frozen=True)
class Price:
    """USD per million tokens."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """What so many tokens cost, in USD."""
        return (input_tokens * self.input + output_tokens * self.output) / 1_000_000


LIST_PRICES: dict[str, Price] = {
    "gpt-4o": Price(2.50, 10.00),
    "gpt-4o-2024-05-13": Price(5.00, 15.00),
    "gpt-4o-mini": Price(0.15, 0.60),
    "gpt-4.1": Price(2.00, 8.00),
    "gpt-4.1-mini": Price(0.40, 1.60),
    "gpt-4.1-nano": Price(0.10, 0.40),
    "gpt-5": Price(1.25, 10.00),
    "gpt-5-mini": Price(0.25, 2.00),
    "gpt-5-nano": Price(0.05, 0.40),
    "o3": Price(2.00, 8.00),
    "o4-mini": Price(1.10, 4.40),
}
"""A dated name such as gpt-4o-2024-11-20 has the price of its family, unless it has one of its own."""


def price_of(settings: LanguageModel) -> Price | None:
    """The price that budgets count with: the settings' own, else the list's, else None."""
    if settings.input_usd_per_million is not None and settings.output_usd_per_million is not None:
        return Price(settings.input_usd_per_million, settings.output_usd_per_million)
    name = settings.name.rpartition("/")[2]
    family = max((known for known in LIST_PRICES if _is_dated(name, known)), key=len, default="")
    return LIST_PRICES.get(family)


def _is_dated(name: str, family: str) -> bool:
    """Whether `name` is the family itself or one of its dated releases; gpt-4o-mini is not a gpt-4o."""
    rest = name.removeprefix(family)
    return name == family or (name.startswith(family) and rest[:1] == "-" and rest[1:2].isdigit())
