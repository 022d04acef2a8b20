"""One question to a model, answered in a typed shape: paid at most once, within a budget and a deadline."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

import structlog
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from autopilot.clients.model import ModelClient
from autopilot.clients.model_failures import ModelFailure
from autopilot.clients.model_question import Function, Question
from autopilot.incident.audit import Entry
from autopilot.incident.diagnosis import Usage
from autopilot.incident.ids import digest
from autopilot.incident.investigation import Limits
from autopilot.incident.ports import Attempt, CaseStore, Failure
from autopilot.reasoning.asking.answers import AnswerStore, CaseAnswers
from autopilot.reasoning.asking.budget import Ledger, reservation
from autopilot.reasoning.asking.models import Models
from autopilot.reasoning.asking.prices import price_of
from autopilot.reasoning.asking.reading import Called, Unusable, Used, called, shaped, spoken, used
from autopilot.reasoning.asking.tokens import count_tokens
from autopilot.settings_model import ModelStep

Shape = TypeVar("Shape", bound=BaseModel)
T = TypeVar("T")

log = structlog.get_logger()

CORRECTIONS = 1
"""How often an unusable answer may be corrected by the model itself."""
MESSAGE_OVERHEAD = 16
"""Tokens around one message."""
MAX_SAID = 8_000
"""Characters of an unusable answer that are shown to its model again."""
UNPRICED = "price unknown: only the token limit counts"
_AT_ONCE = 0.1
"""Seconds before the next model's turn."""


@dataclass(frozen=True)
class _Walk(Generic[T]):
    """How far the stored answers of one model lead."""

    question: Question
    """The next one to ask: the first one, or with the request to correct."""
    answer: T | None = None
    corrections: int = 0
    problem: str = ""
    """Of the last stored answer."""
    other_form: bool = False
    """Whether the last stored answer kept to nothing of the form."""
    hopeless: bool = False
    """Nothing further may be asked of this model."""


@dataclass
class Asker:
    """Asks on behalf of one incident, at most one paid request in one attempt of an activity.

    Every answer is stored before anything looks into it. An unusable one raises, and the next attempt finds it
    stored: it asks the same model for a correction, or the next model.
    """

    models: Models
    step: ModelStep
    model: ModelClient
    """Whose turn it is; after an answer, who gave it."""
    answers: AnswerStore
    ledger: Ledger
    seconds: float
    """Time for everything that is asked through this object."""
    incident_id: str = ""
    """On whose behalf."""
    _started: float = field(default_factory=time.monotonic, repr=False)

    @property
    def usage(self) -> Usage:
        """What the incident has used of models so far, this and earlier attempts and steps together."""
        return self.ledger.usage()

    @property
    def label(self) -> str:
        """How the model is named to readers."""
        return self.model.name if price_of(self.model.settings) else f"{self.model.name} ({UNPRICED})"

    def ask(
        self,
        messages: Sequence[ChatCompletionMessageParam],
        shape: type[Shape],
        *,
        check: Callable[[Shape], str] | None = None,
    ) -> Shape:
        """The model's answer in the wanted shape. Raises Failure; never pays for an answer twice.

        Args:
            messages: The conversation.
            shape: What is asked for.
            check: What is wrong with an answer that fits the shape, empty when nothing is. It must be pure: the
                model is told, corrects itself once, and the next one is asked.
        """
        return self._answer(Question(tuple(messages), shape=shape), _checked(lambda b: shaped(b, shape), check))

    def call(
        self,
        messages: Sequence[ChatCompletionMessageParam],
        functions: Sequence[Function],
        *,
        required: str = "",
        check: Callable[[tuple[Called, ...]], str] | None = None,
    ) -> tuple[Called, ...]:
        """The functions that the model wants called; nothing is carried out. Raises Failure, as `ask` does.

        Args:
            messages: The conversation.
            functions: What may be called; calls of anything else come back with a `problem`.
            required: The function without which the answer is unusable.
            check: See `ask`.
        """
        question = Question(tuple(messages), functions=tuple(functions))
        return self._answer(question, _checked(lambda b: called(b, functions, required), check))

    def _answer(self, question: Question, read: Callable[[str], T]) -> T:
        """A usable stored answer of any model of the step; else one more request to the one whose turn it is."""
        walks = {client: self._walk(client, question, read) for client in self.models.order(self.step)}
        for client, walk in walks.items():
            if walk.answer is not None:
                self.models.untried(self.model)
                self.model = client
                return walk.answer
        walk = walks[self.model]
        hopeless = [client for client, one in walks.items() if one.hopeless]
        if walk.hopeless:
            self.models.untried(self.model)
            raise self._unusable(walk, hopeless)
        self._pay(walk.question)
        after, dialect = self._judged(self.model, walk, read), self.model.dialect
        if after.answer is None:
            if after.other_form:
                self.model.misunderstood(question, dialect)
            raise self._unusable(after, [*hopeless, *([self.model] if after.hopeless else [])])
        return after.answer

    def _walk(self, client: ModelClient, question: Question, read: Callable[[str], T]) -> _Walk[T]:
        walk: _Walk[T] = _Walk(question)
        while walk.answer is None and not walk.hopeless:
            further = self._judged(client, walk, read)
            if further is walk:
                break
            walk = further
        return walk

    def _judged(self, client: ModelClient, walk: _Walk[T], read: Callable[[str], T]) -> _Walk[T]:
        """The walk one stored answer further, or the same one when nothing is stored."""
        request = _request(client, walk.question)
        body = self.answers.get(request)
        if body is None:
            return walk
        counts = used(body)
        if counts is not None:
            self.ledger.settle_found(request, counts.prompt_tokens, counts.completion_tokens)
        try:
            return replace(walk, answer=read(body))
        except Unusable as unusable:
            said = unusable.said[:MAX_SAID]
            order = f"That was unusable ({unusable}). Answer again, in the asked form only."
            return _Walk(
                walk.question.following({"role": "assistant", "content": said}, {"role": "user", "content": order}),
                corrections=walk.corrections + 1,
                problem=str(unusable),
                other_form=unusable.other_form,
                hopeless=not said or walk.corrections >= CORRECTIONS,
            )

    def _unusable(self, walk: _Walk[T], hopeless: Sequence[ModelClient]) -> ModelFailure:
        """Another attempt helps only where something is left to ask."""
        said = f"{self.model} gave no usable answer: {walk.problem}"
        other = self.models.another(self.step, self.model, hopeless)
        if other:
            return ModelFailure(f"{said}; next {other!r} is asked.", who="model", retry_after=_AT_ONCE)
        if not walk.hopeless:
            return ModelFailure(f"{said}; next it is asked to correct it.", who="model", retry_after=_AT_ONCE)
        return ModelFailure(f"{said}; choose a model that keeps to the form, or add a fallback.", who="operator")

    def _pay(self, question: Question) -> None:
        """Reserve, ask once, store what came, settle. Raises Failure."""
        request, settings = _request(self.model, question), self.model.settings
        tokens = _estimate(question, settings.name)
        asked = reservation(request, settings.name, price_of(settings), tokens, settings.max_output_tokens)
        seconds = self._started + self.seconds - time.monotonic()
        try:
            if seconds <= 0:
                raise ModelFailure(f"{self.model} was given no time; raise the time limit of the investigation.")
            number = self.ledger.reserve(asked)
        except Failure:
            self.models.untried(self.model)
            raise
        try:
            body = self.model.complete(question, seconds=seconds)
        except ModelFailure as failure:
            if failure.who == "model":  # it answered, but with something that nobody can keep
                self.answers.put(request, json.dumps({"choices": []}))
            elif not failure.maybe_billed:
                self.ledger.settle(number, 0, 0)
            self._record(request, number, failure=failure)
            self.models.failed(self.model, failure)
            if other := self.models.another(self.step, self.model):
                # With another model behind this one, its failure is worth another attempt, and at once.
                raise ModelFailure(f"{failure} Next {other!r} is asked.", retry_after=_AT_ONCE) from failure
            raise
        self.models.answered(self.model)
        # Paid for: nothing may come between the answer and its being kept.
        self.answers.put(request, body)
        self._record(request, number, used(body))

    def _record(
        self, request: str, number: int, counts: Used | None = None, failure: ModelFailure | None = None
    ) -> None:
        """Who was asked and what came of it: neither question nor answer.

        A record that cannot be kept stops nothing: the call is paid for.
        """
        tokens = f"{counts.prompt_tokens} tokens in, {counts.completion_tokens} out" if counts else "tokens unknown"
        # What a server says stands behind a colon, and may repeat what it was asked.
        told = f"{str(failure).partition(': ')[0]} ({failure.who})" if failure else tokens
        entry = Entry(
            key=f"model/{self.incident_id}/{number}/{request}", at=datetime.now(UTC), kind="model",
            actor=self.model.name, what=f"{self.step} at {self.model.where}",
            outcome="failed" if failure else "answered",
            reason=told, incident_id=self.incident_id,
        )  # fmt: skip
        try:
            self.models.audit.append([entry])
        except Failure as problem:
            log.error("model call not recorded", incident_id=self.incident_id, reason=str(problem))


def _checked(read: Callable[[str], T], check: Callable[[T], str] | None) -> Callable[[str], T]:
    """Read a body, and hold what was read to the caller's own rule."""

    def both(body: str) -> T:
        answer = read(body)
        problem = check(answer) if check else ""
        if problem:
            raise Unusable(problem, spoken(body))
        return answer

    return both


def _request(client: ModelClient, question: Question) -> str:
    """The key of an answer: everything that the answer depends on, besides the server's dialect."""
    settings = client.settings
    return digest(
        settings.name,
        client.where,
        question.messages,
        question.offered,
        settings.temperature,
        settings.reasoning_effort,
        settings.max_output_tokens,
    )


def _estimate(question: Question, model: str) -> int:
    """Input tokens at most: the form is counted as words, which take more room than any other way to send it."""
    messages = (*question.messages, question.in_words())
    return sum(count_tokens(str(m.get("content") or ""), model) + MESSAGE_OVERHEAD for m in messages)


def asker_for(
    models: Models, step: ModelStep, store: CaseStore, incident_id: str, attempt: Attempt, limits: Limits
) -> Asker:
    """Questions of one attempt on behalf of one incident. Raises Failure when no model may be asked."""
    answers, settings = CaseAnswers(store, incident_id), models.settings
    ledger = Ledger(
        answers,
        max_tokens=min(settings.max_tokens_per_incident, limits.tokens or settings.max_tokens_per_incident),
        max_usd=min(settings.max_usd_per_incident, limits.usd or settings.max_usd_per_incident),
        max_calls=limits.calls,
    )
    return Asker(models, step, models.choose(step, attempt.number), answers, ledger, attempt.seconds, incident_id)


def spent(store: CaseStore, incident_id: str) -> Usage:
    """What models have used for an incident so far, for work that asks none."""
    return Ledger(CaseAnswers(store, incident_id)).usage()
