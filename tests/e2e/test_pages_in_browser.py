"""What a person sees, in a real browser: the incident page, its report and the simulated Slack.

Needs Chromium; without it the tests are skipped by name.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from autopilot.case.store import FolderCaseStore
from autopilot.channels.slack import SlackChannel
from autopilot.incident.decision import DecisionRequest
from autopilot.incident.diagnosis import Hypothesis
from autopilot.incident.state import IncidentState
from autopilot.incident.view import incident_view
from autopilot.review.writer import ReviewWriter
from autopilot.settings import Slack as SlackSettings
from autopilot.web.incidents import IncidentRow
from demo.saas.records import SlackRecords
from demo.saas.seeds import CHANNELS, PEOPLE
from demo.saas.slack import Slack
from tests.integration.web.conftest import SIGNING_SECRET, MemoryIncidents, serving, settings
from tests.integration.web.example import GROUP, INCIDENT, SCRIPT, T, alert, incident

TOKEN = "xoxb-browser"
WIDE, PHONE = (1500, 1000), (390, 844)
HOSTILE = f"{SCRIPT}<img src=x onerror=\"document.title='hacked'\">"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@dataclass
class House:
    """A gateway and a Slack that know each other."""

    url: str
    slack: Slack
    incidents: MemoryIncidents
    store: FolderCaseStore
    slack_settings: SlackSettings

    def keep(self, state: IncidentState) -> str:
        """Let the gateway know an incident; returns its page."""
        self.incidents.states[INCIDENT] = state
        row = IncidentRow(
            group=GROUP, incident_id=INCIDENT, title=state.alerts[0].title, service=state.service,
            phase=state.phase, environment="production", severity=state.severity, opened_at=T,
        )  # fmt: skip
        self.incidents.rows = [row]
        return f"{self.url}/incidents/{INCIDENT}"


@dataclass
class Look:
    """A page and everything that went wrong on it."""

    page: Page
    errors: list[str] = field(default_factory=list[str])

    def at(self, url: str) -> Page:
        """Open it."""
        self.page.goto(url)
        return self.page

    def is_whole(self) -> None:
        """Nothing failed, nothing of what came from outside ran, nothing sticks out sideways."""
        assert self.errors == []
        assert self.page.title() != "hacked"
        # A page that loads itself anew has no document for a moment: wait for one, and for one that fits.
        whole = "document.body !== null && document.body.parentElement.scrollWidth <= innerWidth"
        self.page.wait_for_function(whole, timeout=5_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as started:
        running = started.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    root: Path = tmp_path_factory.mktemp("cases")
    incidents, store = MemoryIncidents(), FolderCaseStore(root)
    with Slack(SlackRecords(PEOPLE, CHANNELS), TOKEN, SIGNING_SECRET) as slack:
        own = {"base_url": slack.api_url, "channel": slack.channel, "bot_token": TOKEN}
        configured = settings("http://127.0.0.1:9", slack=own | {"signing_secret": SIGNING_SECRET})
        assert configured.slack is not None
        with serving(configured, incidents, store) as url:
            slack.app_requests.interactivity_url = f"{url}/hooks/slack/interactions"
            yield House(url, slack, incidents, store, configured.slack)


@pytest.fixture
def house(open_house: House) -> House:
    """Nothing decided, nothing said."""
    open_house.incidents.__init__()
    open_house.incidents.open[GROUP] = "run-1"
    open_house.slack.workspace.messages.clear()
    open_house.slack.workspace.ephemeral.clear()
    return open_house


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def look(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Look]:
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(8_000)
    seen = Look(page)
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("dialog", lambda dialog: seen.errors.append(f"dialog: {dialog.message}"))
    yield seen
    context.close()


def waiting(store: FolderCaseStore) -> IncidentState:
    """The example while people are asked."""
    state, now = incident(store), datetime.now(UTC)
    assert state.plan is not None
    state.decision, state.outcome, state.phase, state.verdict = None, None, "decide", None
    state.judgements, state.executed, state.verifications = [], [], []
    state.milestones = {k: v for k, v in state.milestones.items() if k not in ("decision", "recovery", "closed")}
    state.request = DecisionRequest(
        plan_revision=1, plan_digest=state.plan.plan_digest, asked_at=now, expires_at=now + timedelta(hours=1)
    )
    return state


def hostile(store: FolderCaseStore) -> IncidentState:
    """Everything that comes from outside tries to become markup."""
    state = waiting(store)
    assert state.diagnosis is not None
    state.alerts = [alert(title=HOSTILE, service=HOSTILE, description=HOSTILE)]
    state.service, state.next_step, state.claimed_by = HOSTILE, HOSTILE, HOSTILE
    cause = Hypothesis(statement=HOSTILE, cause_kind="unknown", service=HOSTILE)
    state.diagnosis = state.diagnosis.model_copy(update={"hypotheses": (cause,)})
    return state


def test_a_finished_incident_answers_the_five_questions(look: Look, house: House) -> None:
    page = look.at(house.keep(incident(house.store)))
    tiles = page.locator(".tile")
    for number, said in enumerate((
        ("What broke", "checkout-api-latency", "15 % of requests failed"),
        ("Why", "v2.4.1 needs more reads per request", "confirmed, 86% (uncalibrated: 0 known outcomes)"),
        ("Who decided", "Kim Okafor chose option 1"),
        ("What ran", "Set the capacity of orders: read capacity 100 → 200"),
        ("Did it help", "Yes: recovered and stayed healthy", "1,850 ms → 290 ms (limit 1,000 ms)"),
    )):  # fmt: skip
        for words in said:
            expect(tiles.nth(number)).to_contain_text(words)
        expect(tiles.nth(number)).to_be_visible()
    look.is_whole()


def test_a_waiting_incident_shows_options_and_their_commands(look: Look, house: House) -> None:
    page = look.at(house.keep(waiting(house.store)))
    expect(page.get_by_text("Nobody yet: waiting until")).to_be_visible()
    expect(page.get_by_text("Raise the table's read capacity").first).to_be_visible()
    command = page.get_by_text("aws dynamodb update-table").first
    expect(command).to_be_hidden()
    page.get_by_text("As a command").first.click()
    expect(command).to_be_visible()
    look.is_whole()


def test_the_list_leads_to_the_incident(look: Look, house: House) -> None:
    house.keep(incident(house.store))
    page = look.at(f"{house.url}/incidents")
    look.is_whole()
    page.get_by_role("link", name="checkout-api-latency").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("checkout-api-latency")


def test_the_review_reads_well(look: Look, house: House) -> None:
    state = incident(house.store)
    state.report = ReviewWriter(house.store).write(state)
    page = look.at(house.keep(state) + "/report")
    for words in (
        "Kim Okafor decided at", "Set the capacity of orders: read capacity 100 → 200", "Fixed",
        "What we do not know",
    ):  # fmt: skip
        expect(page.get_by_text(words).first).to_be_visible()
    look.is_whole()


def test_hostile_text_stays_text_on_every_page(look: Look, house: House) -> None:
    state = hostile(house.store)
    state.report = ReviewWriter(house.store).report(state)
    SlackChannel(house.slack_settings).publish(incident_view(state))
    incident_page = house.keep(state)
    for url in (incident_page, f"{house.url}/incidents", f"{incident_page}/report", house.slack.url):
        page = look.at(url)
        expect(page.get_by_text("alert('x')").first).to_be_visible()
        assert page.locator("img").count() == 0
        look.is_whole()


def test_slack_tells_what_broke_and_a_click_decides(look: Look, house: House) -> None:
    SlackChannel(house.slack_settings).publish(incident_view(waiting(house.store)))
    page = look.at(house.slack.url)
    for words in ("checkout-api-latency", "v2.4.1 needs more reads per request", "reversible"):
        expect(page.get_by_text(words).first).to_be_visible()
    page.get_by_role("button", name="1. Raise the table's read capacity").click()
    expect(page.get_by_text("Stored.").first).to_be_visible()

    [(group, signal)] = house.incidents.decisions
    assert (group, signal.choice, signal.option_number) == (GROUP, "option", 1)
    look.is_whole()


def test_reanalyse_asks_in_a_window_that_can_be_left(look: Look, house: House) -> None:
    SlackChannel(house.slack_settings).publish(incident_view(waiting(house.store)))
    page = look.at(house.slack.url)
    page.get_by_role("button", name="Re-analyse").click()
    window = page.locator(".modal")
    expect(window).to_be_visible()
    window.get_by_role("button", name="Cancel").click()
    expect(window).to_have_count(0)
    assert house.incidents.decisions == []

    page.get_by_role("button", name="Re-analyse").click()
    window.get_by_role("textbox").fill("check the deploy")
    window.get_by_role("button", name="Re-analyse").click()
    expect(window).to_have_count(0)
    [(_, signal)] = house.incidents.decisions
    assert (signal.choice, signal.comment) == ("reanalyse", "check the deploy")
    look.is_whole()


def test_a_closed_incident_in_slack_says_how_it_ended_and_offers_nothing(look: Look, house: House) -> None:
    SlackChannel(house.slack_settings).publish(incident_view(incident(house.store)))
    page = look.at(house.slack.url)
    for words in ("resolved", "Kim Okafor chose option 1", "Set the capacity of orders", "1,850 ms → 290 ms"):
        expect(page.get_by_text(words).first).to_be_visible()
    assert page.locator("button").count() == 0
    look.is_whole()
