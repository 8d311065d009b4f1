"""The plan of a sync, by hand and as a machine that is killed between any two steps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.deployment.syncing.plan import Await, Drain, Instance, Seen, Start, Step, Stop, Switch, Wanted, plan
from weighlock.deployment.syncing.state import Loaded, State, loaded
from weighlock.errors import ConfigError

V1, V2, V3 = (Instance(f"v{number}", 3100 + number) for number in (1, 2, 3))
V5 = Instance("v5", V1.port)  # four ports: v1 and v5 share one


def wanted(*instances: Instance, site: str = "new") -> Wanted:
    return Wanted(frozenset(instances), site)


def seen(*running: Instance, site: str | None = "old", used: tuple[Instance, ...] | None = None) -> Seen:
    return Seen(frozenset(running), site, frozenset(running if used is None else used))


@pytest.mark.parametrize(
    ("wants", "sees", "steps"),
    [
        (wanted(site="none"), seen(site=None), [Switch()]),  # before the first release
        (wanted(V1), seen(), [Start(V1), Await(V1), Switch()]),
        (wanted(V1, V2), seen(V1), [Start(V2), Await(V1), Await(V2), Switch()]),  # a canary
        (wanted(V1, V2), seen(V1, V2), [Await(V1), Await(V2), Switch()]),  # another weight
        (wanted(V2), seen(V1, V2), [Await(V2), Switch(), Drain(), Stop(V1)]),  # it becomes stable
        (wanted(V1), seen(V2), [Start(V1), Await(V1), Switch(), Drain(), Stop(V2)]),  # a rollback
        (wanted(), seen(V1, V2), [Switch(), Drain(), Stop(V1), Stop(V2)]),  # `stable: null`
        (wanted(V1), seen(V1, site="new"), [Await(V1)]),
        (wanted(V1), seen(site="new"), [Start(V1), Await(V1)]),  # it died
        (wanted(V1), seen(V1, V3, site="new"), [Await(V1), Drain(), Stop(V3)]),  # killed before it was stopped
        (wanted(V5), seen(V1, V2, used=(V2,)),
         [Drain(), Stop(V1), Start(V5), Await(V5), Switch(), Drain(), Stop(V2)]),  # what is left over has its port
    ],
)  # fmt: skip
def test_the_steps_are_these(wants: Wanted, sees: Seen, steps: list[Step]) -> None:
    assert list(plan(wants, sees)) == steps


@pytest.mark.parametrize("new", [V5, Instance("v1", 3999)])
def test_what_would_be_a_gap_is_refused(new: Instance) -> None:
    with pytest.raises(ConfigError, match="would be a gap"):
        plan(wanted(new), seen(V1))


@dataclass
class Machine:
    """A machine that does what steps say, and sees that no request could fail."""

    running: set[Instance] = field(default_factory=set)
    ready: set[Instance] = field(default_factory=set)
    works_by: Loaded | None = None  # nginx
    old: set[Instance] = field(default_factory=set)  # to which workers that are leaving may still send
    state: State = field(default_factory=State)
    up: bool = True

    def look(self) -> Seen:
        running = frozenset(self.running)
        site = self.state.loaded.site if self.state.loaded and not self.state.switching and self.up else None
        return Seen(running, site, self.state.used(running))

    def do(self, step: Step, goal: Wanted, *, killed: int) -> None:
        """A step, killed within it after so many of its parts."""
        match step:
            case Start(one):
                assert one not in self.running
                assert one.port not in {other.port for other in self.running}
                self.running.add(one)
            case Await(one):
                assert one in self.running
                self.ready.add(one)
            case Switch():
                new = loaded(goal.site, goal.instances)
                parts = [
                    lambda: self.remember(switching=new), lambda: self.reload(new),
                    lambda: self.remember(loaded=new, switching=None),
                ]  # fmt: skip
                for part in parts[:killed]:
                    part()
            case Drain():
                self.old.clear()
            case Stop(one):
                self.running.discard(one)
                self.ready.discard(one)
        self.check()

    def remember(self, **change: Loaded | None) -> None:
        self.state = self.state.model_copy(update=change)

    def reload(self, new: Loaded) -> None:
        assert new.instances <= self.ready
        self.old |= self.works_by.instances if self.works_by else frozenset()
        self.works_by = new

    def check(self) -> None:
        named = self.works_by.instances if self.works_by else frozenset()
        assert named | self.old <= self.running, "a request would fail"


commits = st.lists(
    st.sets(st.sampled_from([V1, V2, V3, Instance("v6", 3106)]), max_size=2), min_size=1, max_size=6
)  # fmt: skip
deaths = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), max_size=6)


@settings(max_examples=80, deadline=None)
@given(commits, deaths)
def test_killed_anywhere_it_comes_to_the_same_end_and_no_request_fails(
    goals: list[set[Instance]], kills: list[tuple[int, int]]
) -> None:
    machine = Machine()
    left = list(kills)
    for number, instances in enumerate(goals):
        goal = Wanted(frozenset(instances), f"site-{number}")
        for _ in range(len(kills) + 1):
            steps = plan(goal, machine.look())
            ends, part = left.pop() if left else (len(steps), 3)
            for place, step in enumerate(steps[: ends + 1]):
                machine.do(step, goal, killed=part if place == ends else 3)
            if ends >= len(steps):
                break
        for step in plan(goal, machine.look()):
            machine.do(step, goal, killed=3)
        assert machine.running == instances
        assert machine.works_by == loaded(goal.site, goal.instances)
        assert all(isinstance(step, Await) for step in plan(goal, machine.look()))


def test_a_machine_that_stops_too_early_is_found_out() -> None:
    machine = Machine({V1, V2}, {V1, V2}, loaded("old", frozenset({V1})))
    with pytest.raises(AssertionError, match="would fail"):
        machine.do(Stop(V1), wanted(V2), killed=3)
    assert replace(seen(V1), site=None).site is None
