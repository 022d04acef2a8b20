"""The settings of language models: which one each step asks, what is asked next, and what all may cost."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, model_validator

from autopilot.settings_section import Section

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]
"""How long a reasoning model may think."""


class LanguageModel(Section):
    """One model behind OpenAI's chat completions API."""

    name: str
    """For Azure OpenAI: the deployment's name."""
    base_url: str | None = None
    """Any server that speaks the API; empty: OpenAI."""
    api_key: SecretStr | None = None
    api_version: str | None = None
    """Only for Azure OpenAI's dated API: `base_url` is then the resource's address, the key an `api-key` header."""
    temperature: float | None = Field(default=0.0, ge=0, le=2)
    """Left out for models that refuse it."""
    reasoning_effort: Effort | None = None
    """Sent when set; left out for models that refuse it."""
    max_output_tokens: PositiveInt = 2_000
    timeout: PositiveFloat = 40.0
    """Seconds for one call, its waiting and reading together."""
    connect_timeout: PositiveFloat = 5.0
    """Seconds until the server must have taken the connection."""
    input_usd_per_million: float | None = Field(default=None, ge=0)
    """List price; None uses the built-in price table, and for unknown models only the token limit counts."""
    output_usd_per_million: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _whole_price(self) -> Self:
        if (self.input_usd_per_million is None) != (self.output_usd_per_million is None):
            raise ValueError("input_usd_per_million and output_usd_per_million belong together; set both or none")
        return self


class StepModel(Section):
    """What one step does differently; what is left out is as for the other steps."""

    name: str | None = None
    base_url: str | None = None
    """Another server: key, API version and prices of the base are then not used."""
    api_key: SecretStr | None = None
    api_version: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    reasoning_effort: Effort | None = None
    max_output_tokens: PositiveInt | None = None
    timeout: PositiveFloat | None = None
    connect_timeout: PositiveFloat | None = None
    input_usd_per_million: float | None = Field(default=None, ge=0)
    output_usd_per_million: float | None = Field(default=None, ge=0)


class Breaker(Section):
    """When a model that keeps failing is left alone."""

    failures: PositiveInt = 3
    """In a row; a wrong key or an empty account counts as that many at once."""
    pause: PositiveFloat = 60.0
    """Seconds until one call may try it again."""


ModelStep = Literal["analysis", "planning", "summary"]


class Model(LanguageModel):
    """The language model. `none` runs the built-in analyst and planner only."""

    kind: Literal["none", "openai"] = "none"
    name: str = "gpt-4o"
    analysis: StepModel = StepModel()
    planning: StepModel = StepModel()
    summary: StepModel = StepModel()
    fallbacks: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")], LanguageModel] = {}
    """By a name of your own, in the order in which they are asked; the name is part of the key's variable."""
    breaker: Breaker = Breaker()
    max_prompt_tokens: PositiveInt = 2_500
    """What the tables of a dossier may take of one prompt."""
    mask_ips: bool = False
    """Mask IP addresses in prompts, as what identifies people is; readers and probes see them again."""
    max_tokens_per_incident: PositiveInt = 200_000
    max_usd_per_incident: PositiveFloat = 2.0

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        for step in get_args(ModelStep):
            self.order(step)
        return self

    def order(self, step: ModelStep) -> tuple[LanguageModel, ...]:
        """The models of a step: its own, then the fallbacks."""
        own: StepModel = {"analysis": self.analysis, "planning": self.planning, "summary": self.summary}[step]
        given = own.model_dump(exclude_unset=True)
        changes = {name: value for name, value in given.items() if value is not None or name == "temperature"}
        shared = {name: getattr(self, name) for name in LanguageModel.model_fields}
        moved = changes.get("base_url") not in (None, self.base_url)
        for name in (*(_OF_A_SERVER if moved else ()), *(_OF_A_NAME if moved or "name" in changes else ())):
            shared[name] = None
        return LanguageModel.model_validate(shared | changes), *self.fallbacks.values()


_OF_A_SERVER = ("api_key", "api_version")
"""Never sent to another server than the one they were given for."""
_OF_A_NAME = ("input_usd_per_million", "output_usd_per_million")
