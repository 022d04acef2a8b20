"""The incident from alert to proven recovery: one method per phase, in reading order."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    # Pure domain and thin activities: loaded once, not once per run. No SDK is behind them.
    from autopilot.incident.course import result_of
    from autopilot.incident.decision import Judgement
    from autopilot.incident.messages import IncidentResult, StartIncident
    from autopilot.incident.plan import Option
    from autopilot.incident.thread import action_note, diagnosis_note, verification_note
    from autopilot.incident.verification import healthy
    from workflows.analysis import Analysis
    from workflows.by_hand import ByHand
    from workflows.closing import Closing
    from workflows.context import Context
    from workflows.ladder import DecisionLadder
    from workflows.lifecycle import Lifecycle
    from workflows.planning import Planning
    from workflows.policy import Policy
    from workflows.remediation import Remediation
    from workflows.targets import Targets
    from workflows.watch import Watch


@workflow.defn(name="Incident")
class IncidentWorkflow(Lifecycle):
    """One opening of one incident group."""

    @workflow.init
    def __init__(self, start: StartIncident) -> None:
        super().__init__(start)
        self._context = Context(self._state, self._people)
        self._analysis = Analysis(self._state, self._people)
        self._planning = Planning(self._state, self._people)
        self._watch = Watch(self._state, self._pause)
        self._ladder = DecisionLadder(
            self._state,
            self._people,
            self._watch,
            self._pause,
            settled=lambda: self._desk.idle,
            too_long=self._too_long,
        )
        self._policy = Policy(self._state, self._people, settled=lambda: self._desk.idle)
        self._remediation = Remediation(self._state, self._people)
        self._targets = Targets(self._state, self._people, self._pause)
        self._by_hand = ByHand(self._state, self._watch)
        self._closing = Closing(self._state, self._people)

    @workflow.run
    async def run(self, _start: StartIncident) -> IncidentResult:
        """Go through the phases; an abort or a cancellation undoes what was done and is reviewed too."""
        await workflow.wait_condition(lambda: bool(self._state.alerts))
        clerk = asyncio.create_task(self._desk.serve())
        response = asyncio.create_task(self._respond())
        cancelled = await self._until_done_or_stopped(response)
        if self._state.outcome is None:
            await self._stopped()
        if self._state.outcome != "joined":
            await self._closing.review()
        await workflow.wait_condition(lambda: self._desk.idle and workflow.all_handlers_finished())
        clerk.cancel()
        if cancelled:
            raise asyncio.CancelledError
        return result_of(self._state)

    async def _respond(self) -> None:
        """Phase after phase until there is an outcome. The state says where a continued run goes on."""
        phases = {
            "open": self._open,
            "collect": self._collect,
            "analyze": self._analyze,
            "plan": self._plan,
            "decide": self._decide,
            "execute": self._execute,
            "verify": self._verify,
            "handover": self._hand_over,
        }
        while self._state.outcome is None:
            await self._continue_when_long()
            phase = self._state.phase
            try:
                await phases[phase]()
            except ActivityError as error:
                if is_cancelled_exception(error) or phase == "handover":
                    raise
                self._people.record("note", f"{phase} failed: {error.cause}; handing over")
                self._go("handover", f"The {phase} phase failed; a person has to go on.")
            if self._state.outcome or self._state.phase not in ("execute", "verify"):
                await self._targets.release()

    # --- The phases ------------------------------------------------------------------------------------

    async def _open(self) -> None:
        """Rules, people, neighbours; then the first message with the raw alert and the last changes."""
        await self._context.open()
        if await self._joined():
            return
        await self._context.recent_changes()
        snapshot = self._state.snapshot
        if snapshot is not None and not snapshot.playbook.agent_enabled:
            self._go("handover", "The playbook leaves this to people: no analysis, a ticket and a page.")
        else:
            self._go("collect", "Collecting logs, metrics, traces, changes and past incidents.")
        await self._people.show("first message: the raw alert and the last changes")

    async def _collect(self) -> None:
        """One activity per source; the sealed case revision is state, its rows are in the store."""
        self._state.manifest = await self._context.collect()
        self._go("analyze", "Analysing what was collected.")
        await self._people.show("context collected")

    async def _analyze(self) -> None:
        """Statistics first, then the analyst; code decides what may be claimed."""
        await self._analysis.find()
        if await self._joined():
            return
        diagnosis = await self._analysis.diagnose()
        self._go("plan", "Preparing options.")
        await self._people.show(f"diagnosis by {diagnosis.analyst}")
        await self._people.note(diagnosis_note(diagnosis, self._state.investigation))

    async def _plan(self) -> None:
        """At most three options, each inspected and dry-run. No plan is still a question to people."""
        await self._planning.plan()
        self._go("decide", "Waiting for a decision.")

    async def _decide(self) -> None:
        """Ask, remind, page, hand over; or let policy decide; or see that it heals by itself."""
        state = self._state
        if state.snapshot is not None and state.snapshot.playbook.mode == "observe":
            await self._people.show("observe mode: nothing is asked, nothing is done")
            if await self._by_hand.observed(leave=self._too_long):
                self._finish("observed")
            return
        self._ladder.ask()
        await self._policy.decide()
        await self._people.show("options are open for a decision")
        await self._people.explain_plan()
        ended = await self._ladder.wait()
        if ended == "continue":
            return
        self._ladder.close()
        if ended == "healed":
            self._healed()
        elif ended == "handled":
            state.before = None
            self._act_now()
            self._go("verify", f"{state.handled_by} says it is fixed; verifying.")
        elif ended == "changed":
            self._analyse_again(state.world_changed)
        elif ended == "hand_over" or state.decision is None:
            self._go("handover", "Nobody decided in time; handed over to people.")
        else:
            self._follow(state.decision)

    def _follow(self, decision: Judgement) -> None:
        if decision.choice == "manual":
            self._go("handover", f"{decision.actor_name or decision.actor} handles it by hand.")
        elif decision.choice == "reanalyse":
            self._analyse_again(decision.comment or "look again")
        else:
            self._go("execute", f"Carrying out option {decision.option}.")

    async def _execute(self) -> None:
        """Read the symptom once more, then act, undo registered before each step."""
        state = self._state
        option = state.plan.option(state.decision.option) if state.plan and state.decision else None
        if option is None or state.decision is None:
            raise ValueError("only a chosen option can be carried out")
        if busy := await self._targets.take(option):
            return self._analyse_again(busy)
        if state.before is None:
            state.earlier = state.readings[-10:]
            state.before = await self._watch.read("still broken before acting?")
            if healthy(self._watch.plan(), state.before):
                return self._healed()
        await self._people.show(f"carrying out option {option.id}")
        done = await self._remediation.carry_out(option, state.decision.actor)
        self._act_now()
        await self._people.note(action_note(state.executed[-len(option.steps) :]))
        if not done:
            return await self._not_done(option)
        self._go("verify", "Verifying recovery.")
        return await self._people.show("verifying recovery")

    async def _not_done(self, option: Option) -> None:
        """A step did not take effect: undo those before it, unless nobody may or can tell what is right."""
        last = self._state.executed[-1]
        if last.status in ("frozen", "unknown"):
            why = "was not carried out" if last.status == "frozen" else "may or may not have taken effect"
            return self._go("handover", f"{last.tool} {why}: {last.detail}. Please look.")
        await self._remediation.undo_all("a later step did not take effect")
        if last.status == "changed_world":
            return self._analyse_again(last.detail)
        return self._plan_again(option, f"{last.tool} did not take effect ({last.status}): {last.detail}")

    async def _verify(self) -> None:
        """Fixed, no data, still broken, or worse; worse is undone and the undo is verified too."""
        state = self._state
        acted = state.milestones["acted"]
        verification = await self._watch.verify(acted, leave=self._too_long)
        if verification is None:
            return None
        self._people.record("verification", f"{verification.verdict}: {verification.explanation}")
        await self._people.note(verification_note(verification))
        option = state.plan.option(state.decision.option) if state.plan and state.decision else None
        if verification.verdict in ("fixed", "self_healed"):
            state.undo_stack = []
            state.milestones["recovery"] = workflow.now()
            return self._finish("resolved" if verification.verdict == "fixed" else "self_healed")
        if verification.verdict == "no_data":
            return self._go("handover", "No data to verify with: please check the service yourself.")
        if verification.verdict == "worse":
            await self._undo_harm()
        return self._plan_again(option, f"The last attempt left it {verification.verdict.replace('_', ' ')}.")

    async def _hand_over(self) -> None:
        """Ticket with the report, page the owner, watch until people have fixed it or a deadline."""
        on_call = self._state.snapshot.on_call if self._state.snapshot else None
        await self._people.show("handed over to people")
        await self._people.ticket("handover")
        await self._people.page(
            on_call.primary if on_call else None, "owner", f"Over to you: {self._state.alert.title}"
        )
        if await self._by_hand.handed_over(leave=self._too_long):
            self._finish("handed_over")

    # --- Between the phases ----------------------------------------------------------------------------

    async def _stopped(self) -> None:
        self._state.request = None
        self._go("verify", "Stopped: undoing what was done.")
        await self._people.show("stopped: undoing")
        await self._remediation.undo_all("stopped")
        await self._targets.release()
        self._finish("aborted")

    async def _joined(self) -> bool:
        """Close as `joined` when an older incident turns out to be the same one."""
        neighbour = await self._context.neighbour()
        if neighbour is None or not await self._context.hand_over_to(neighbour):
            return False
        self._state.joined_into = neighbour.group
        self._state.phase = "closed"
        self._finish("joined")
        if self._state.messages:
            await self._people.show(f"joined {neighbour.group}")
        else:
            self._people.show_console()
        return True

    def _healed(self) -> None:
        self._state.request = None
        self._state.verdict = "self_healed"
        self._state.milestones["recovery"] = workflow.now()
        self._people.record("verification", "self_healed: the symptom went away before anything was done")
        self._finish("self_healed")

    async def _undo_harm(self) -> None:
        self._go("verify", "It became worse: undoing.")
        await self._people.show("worse: undoing")
        await self._remediation.undo_all("it became worse")
        self._act_now()
        calm = await self._watch.until_calm(workflow.now())
        self._people.record("verification", f"after the undo the harm is {'gone' if calm else 'still there'}")
