"""What a review found: plain records, from which every form of the report is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from specproof import verdict
from specproof.story.model import Story
from specproof.trace import Trace
from specproof.verdict import NotAsked, Proved, Refuted, Result, Unknown

#: The method of an observable for which runs were searched, and none was found, where another one differs.
SEARCHED = "runs of both, up to a length"

#: What became of a claim, worst first.
FATES = (
    "lost", "worse", "not carried out", "undecided", "dropped", "hollow", "still refuted", "new and refuted", "gained", "new", "proved",
    "carried out", "kept", "vacuous", "not asked",
)  # fmt: skip

#: What each of them means, for the legend of a report.
MEANING = {
    "lost": "no run breaks the old design, and one breaks the new",
    "worse": "runs broke it before, and one that the old design goes through unharmed breaks the new one",
    "not carried out": "the policy forces the bit, and the design does not have it in force in every run, or can never require it",
    "undecided": "one side gave no verdict",
    "dropped": "it held before, and the new design offers no view on which it could be asked; where it says why, of claims about protection alone",
    "hollow": "what it speaks of no longer happens, and only therefore it holds",
    "still refuted": "runs break both",
    "new and refuted": "the old design gave no verdict, and a run of the new one breaks it",
    "gained": "a run broke the old design, and the new one is proved",
    "new": "the old design could not be asked, or never did what it speaks of, and the new one is proved",
    "proved": "proved of the new design; the old one was not asked again (--exhaustive does)",
    "carried out": "the policy forces the bit, and it is proved of the design that it is in force in every run",
    "kept": "proved of the new design, and no run breaks the old one",
    "vacuous": "what it speaks of happens in neither design, so that nothing is proved of it",
    "not asked": "one design or both say why they cannot express it",
}



@dataclass(frozen=True)
class Held:
    """The old design's side of a claim: the slice, which has every run, shows none that breaks it.

    No certificate is made of it (`--exhaustive` makes one): what is told is a proof or a run of the new design.
    `vacuous`: what the claim speaks of never happens.
    """

    design: str
    configuration: str
    claim: str
    vacuous: bool = False


Answer = Result | NotAsked | Held


def word(answer: Answer | None) -> str:
    """The verdict's word, `holds` where no certificate was made, `not asked`."""
    if isinstance(answer, Held):
        return "vacuous" if answer.vacuous else "holds"
    return verdict.word(answer)


class Told:
    """A run that breaks a claim, as it was found (`raw`) and as it is told: with few bits, and its story. Both are worked out when they are
    first read: most are not."""

    def __init__(self, raw: Trace, least: Callable[[Trace], Trace], tell: Callable[[Trace], Story] | None = None) -> None:
        """`least`: the same steps with fewer bits. `tell`: the story of such a run, of which there is none where it is told side by side."""
        self.raw, self._least, self._tell = raw, least, tell

    @cached_property
    def trace(self) -> Trace:
        """With few bits."""
        return self._least(self.raw)

    @cached_property
    def story(self) -> Story | None:
        """Of that."""
        return self._tell(self.trace) if self._tell is not None else None


@dataclass(frozen=True)
class ClaimChange:
    """One claim in one configuration, on both sides. `affected` is false where the change cannot reach it; `at` is where it is asked for, if
    that is a line of a file which is reviewed."""

    claim: str
    id: str
    sentence: str
    configuration: str
    fate: str
    old: Answer | None
    new: Answer | None
    same_run: bool = False
    affected: bool = True
    reason: str = ""
    at: Place | None = None
    told: tuple[Told | None, Told | None] = field(default=(None, None), compare=False, repr=False)

    @property
    def story(self) -> Story | None:
        """The story of the run that breaks the new design."""
        return self.told[1].story if self.told[1] is not None else None

    @property
    def old_story(self) -> Story | None:
        """The story of the run that breaks the old design."""
        return self.told[0].story if self.told[0] is not None else None

    @property
    def run(self) -> Refuted | None:
        """The counterexample of the new design."""
        return self.new.verdict if isinstance(self.new, Result) and isinstance(self.new.verdict, Refuted) else None

    @property
    def old_run(self) -> Refuted | None:
        """The counterexample of the old design."""
        return self.old.verdict if isinstance(self.old, Result) and isinstance(self.old.verdict, Refuted) else None


@dataclass(frozen=True)
class Moment:
    """One step of a run of both designs: who did what, and what the views showed on each side afterwards."""

    action: str
    by: str
    doc: str
    inputs: tuple[tuple[str, str], ...]
    old: tuple[tuple[str, str], ...]
    new: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Behaviour:
    """One observable, in one configuration: never differs, or differs after a shortest run of both."""

    name: str
    sentence: str
    configuration: str
    result: Result
    before: str = ""
    after: str = ""
    start: tuple[tuple[str, str], ...] = ()
    moments: tuple[Moment, ...] = ()
    starts: tuple[Mapping[str, int], Mapping[str, int]] | None = field(default=None, compare=False, repr=False)  # of the run, on each side

    @property
    def differs(self) -> bool:
        return isinstance(self.result.verdict, Refuted)

    @property
    def same(self) -> bool:
        return isinstance(self.result.verdict, Proved)

    @property
    def searched(self) -> bool:
        """Whether runs were searched, and none shows it as the first to differ; nothing was proved."""
        return isinstance(self.result.verdict, Unknown) and self.result.verdict.method == SEARCHED


@dataclass(frozen=True)
class Closed:
    """What an assignment does to one bit, before and after, when the two agree, and that in words."""

    before: str = ""
    after: str = ""
    agree: str = ""
    words: str = ""


@dataclass(frozen=True)
class Formula:
    """One assignment that the change touches. Its closed form is worked out when it is asked for: of two hundred few are told.
    `tell` does that; None where the formula is too large to be read."""

    actions: tuple[str, ...]
    what: str
    under: str
    configurations: tuple[str, ...] = ()
    tell: Callable[[], Closed] | None = field(default=None, compare=False)

    @cached_property
    def closed(self) -> Closed:
        return Closed() if self.tell is None else self.tell()


@dataclass(frozen=True)
class Name:
    """A side as the report names it: label, the design's own sentence, its file and the line of its definition."""

    label: str
    doc: str
    file: str


#: What `Review.only` lists: of one side alone, and of both.
CONFIGURATIONS, ACTIONS = "configurations", "actions"
OTHERWISE, OTHER_WIDTH = "views that are computed otherwise", "views of another width"


def alone_in(what: str, label: str) -> str:
    """The title of what one side alone has."""
    return f"{what} of {label} alone"


@dataclass(frozen=True)
class Place:
    """A line of a design file."""

    file: str
    line: int


@dataclass(frozen=True)
class Review:
    """Everything that a review of two designs found. `restricted` says what it was cut down to, if it was; `through` are the views that are
    computed otherwise and through which claims are asked as they were, too, `demands` those that say what is demanded and of which only this can
    be said, `rewritten` the others that have a text of their own; `less` says why less is asked of the new design than of the old;
    `demand` are the views that say what is demanded, of both fed the same inputs."""

    old: Name
    new: Name
    configurations: tuple[str, ...]
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    claims: tuple[ClaimChange, ...] = ()
    unasked: int = 0
    behaviours: tuple[Behaviour, ...] = ()
    formulas: tuple[Formula, ...] = ()
    identical: bool = False
    assumptions: tuple[tuple[str, str], ...] = ()
    places: dict[str, Place] = field(default_factory=dict)
    seconds: float = 0.0
    restricted: str = ""
    through: tuple[str, ...] = ()
    demands: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    demand: tuple[Behaviour, ...] = ()

    def apart(self, *titles: str) -> list[str]:
        """What `only` lists under these titles."""
        return [name for title, names in self.only if title in titles for name in names]

    def of(self, *fates: str) -> list[ClaimChange]:
        """The claims with one of these fates."""
        return [change for change in self.claims if change.fate in fates]

    def by_claim(self, *fates: str, partly: bool = False) -> dict[str, list[ClaimChange]]:
        """The same by claim, over the configurations; a claim appears under the worst fate that it has, or `partly` under the others."""
        worst = self.worst()
        found: dict[str, list[ClaimChange]] = {}
        for change in self.of(*fates):
            if (worst[change.claim] in fates) != partly:
                found.setdefault(change.claim, []).append(change)
        return found

    def worst(self) -> dict[str, str]:
        """For each claim the worst of what became of it, over the configurations."""
        found: dict[str, str] = {}
        for change in self.claims:
            known = found.get(change.claim, change.fate)
            found[change.claim] = min(known, change.fate, key=FATES.index)
        return found

    @property
    def silent(self) -> bool:
        """Whether no claim says anything of the new design, and the two are not shown to behave alike."""
        asked = any(change.fate not in ("not asked", "vacuous") for change in self.claims)
        return not asked and not self.identical and not (self.behaviours and all(one.same for one in self.behaviours))

    @property
    def open(self) -> list[str]:
        """The observables of which it is not known whether they can differ."""
        return list(dict.fromkeys(one.name for one in self.behaviours if isinstance(one.result.verdict, Unknown) and not one.searched))

    @property
    def code(self) -> int:
        """The exit code: 0 nothing is lost, 1 something is, 3 something is undecided."""
        if self.of("lost", "worse"):
            return 1
        if self.silent:
            return 3
        return 3 if self.of("undecided", "dropped", "hollow") or self.open else 0


def code(reviews: Sequence[Review]) -> int:
    """The exit code of several reviews: the worst of them."""
    codes = {review.code for review in reviews}
    return next((worst for worst in (1, 3) if worst in codes), 0)


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
