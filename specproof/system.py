"""A design in one configuration, as terms: what every part of the engine works on.

`build` runs the model's functions once on variables. The result holds no Python of the model's, so
it can be explored, proved, exported and replayed without it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from specproof.calling import called
from specproof.design import ActionSpec, Assumption, Design, bits_of, blank, inputs_of
from specproof.errors import ModelError, UsageError, at, did_you_mean, where
from specproof.graph import conjuncts, substitute, variables
from specproof.state import Bits, Field, State, assemble, flatten, leaves
from specproof.terms import FALSE, TRUE, Bool, Term, boolean, conj, variable, word


@dataclass(frozen=True)
class Action:
    """A step as terms over the state's variables and its own inputs.

    `next` has every state variable that it changes, `observed` what it reports; `assumed` the
    assumptions that restrict it, which `guard` does not include; `bits` names those of inputs that are no field's.
    """

    name: str
    by: str
    source: str
    doc: str
    inputs: Mapping[str, Term]
    guard: Bool
    assumed: Mapping[str, Bool]
    next: Mapping[str, Term]
    observed: Mapping[str, Term]
    bits: Mapping[str, Bits] = field(default_factory=dict)

    @cached_property
    def enabled(self) -> Bool:
        """The guard and all assumptions."""
        return conj((self.guard, *self.assumed.values()))


@dataclass(frozen=True)
class System:
    """A transition system over `variables` (path to variable). `views` are terms over them and `observed`.

    `hidden` are variables that nothing asked of it depends on (`cone.narrow`); constants are what the configuration pins; `helpers` the functions
    of the design that its actions, its start or its assumptions call.

    `couple` names a test of words by another: tests of one name have one answer unless this bit tells them
    apart (`TRUE`: the words agree if this bit does). A slice is then no longer an over-approximation, so
    runs that it finds are real, and whether nothing else happens is for Z3 to say. A test that is named by a variable has
    the answer that this truth value of the state has, which takes no run away (`tracked`).
    """

    design: str
    configuration: str
    record: type[State]
    variables: Mapping[str, Term]
    fields: Mapping[str, Field]
    constants: Mapping[str, Term]
    initial: Bool
    initially_assumed: Mapping[str, Bool]
    actions: Mapping[str, Action]
    view: Callable[[str, Mapping[str, Term]], Term] = field(compare=False)
    places: Mapping[str, str] = field(default_factory=dict, compare=False)  # `file:line` of views, and under "" of the initial predicate
    views: frozenset[str] = frozenset()
    lacking: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, Term] = field(default_factory=dict)
    looks: dict[str, Any] = field(default_factory=dict, compare=False, repr=False, init=False)  # of these actions: a changed system has its own
    assumptions: tuple[str, ...] = ()
    helpers: frozenset[str] = frozenset()
    couple: Callable[[Term], Term] | None = field(default=None, compare=False)

    @cached_property
    def starts(self) -> Bool:
        """The initial predicate and the assumptions about it."""
        return conj((self.initial, *self.initially_assumed.values()))

    @cached_property
    def start_parts(self) -> list[tuple[Bool, frozenset[str]]]:
        """What `starts` says, part by part, each with the names of the variables that it reads."""
        return [(part, self.names_in(part)) for part in conjuncts(self.starts)]

    @cached_property
    def reads(self) -> dict[str, tuple[frozenset[str], dict[str, frozenset[str]]]]:
        """The variables that each action reads: to be taken, and for the next value of each that it changes."""
        return {
            name: (self.names_in(action.enabled), {path: self.names_in(term) for path, term in action.next.items()})
            for name, action in self.actions.items()
        }  # fmt: skip

    def names_in(self, *terms: Term) -> frozenset[str]:
        """The names of the variables that the terms read."""
        return frozenset(str(one.data) for one in variables(terms)) & self.variables.keys()

    @cached_property
    def cleared(self) -> dict[str, int]:
        """The fields that only tell of the last step, as they are where it says nothing of them."""
        return {path: 0 for path, declared in self.fields.items() if declared.observed}

    def state(self, values: Mapping[str, Term] | None = None) -> dict[str, Term]:
        """Terms for every leaf: the variables, unless `values` says otherwise; observed fields cleared."""
        return {**self._leaves, **(values or {})}

    @cached_property
    def _leaves(self) -> dict[str, Term]:
        base: dict[str, Term] = {}
        for path, declared in self.fields.items():
            known = next((known for known in (self.constants, self.variables, self.hidden) if path in known), None)
            base[path] = _zero(declared.width) if known is None else known[path]
        return base

    def after(self, action: Action) -> dict[str, Term]:
        """Terms for every leaf after an action, over the state before it and its inputs."""
        return self.state({**action.next, **action.observed})


def _zero(width: int) -> Term:
    return word(0, width) if width else FALSE


#: States of which it is known what views see of them, and systems that are not built again.
SEEN, KEPT = 256, 4

_built: dict[tuple[int, str, tuple[str, ...]], tuple[Design[Any], tuple[object, ...], System]] = {}


def build(design: Design[Any], configuration: str = "", without: tuple[str, ...] = ()) -> System:
    """The system of a design in a configuration, `virtualized` or `virtualized+early-check`; all of them for "".

    `without` names assumptions to switch off, and with `+` alternatives to switch on. The last systems are kept, since what
    compares designs asks for each several times. Raises ModelError with file and line where the model is not well formed,
    UsageError where a name is unknown.
    """
    key, written = (id(design), configuration, without), design.written()
    if key not in _built or _built[key][1] != written:
        while len(_built) >= KEPT:
            del _built[next(iter(_built))]
        _built[key] = design, written, _build(design, configuration, without)
    return _built[key][2]


def _build(design: Design[Any], configuration: str, without: tuple[str, ...]) -> System:
    assumptions = design.in_force(without)
    if design.start is None:
        write = f"write '@{design.name.replace('-', '_')}.initial' above a predicate on the state"
        raise ModelError(f"{at(design.place)}{design.name} has no initial states; {write}")
    with design.building() as used:
        state, free = blank(design.state)
        wanted = _configure(design, configuration, state)
        fixed = _fixed(wanted, design)
        declared = dict(leaves(design.state))
        constants = {path: fixed[path] for path in free if path in fixed}
        by = {free[path]: term for path, term in constants.items()}
        memo: dict[Term, Term] = {}
        rest = conj(part for part in conjuncts(substitute([wanted], by, memo)[0]))
        start = _predicate(design, design.start, state, "initial")
        _reads_only(free, [start], where(design.start), f"{design.name}: initial")
        initial = cast(Bool, substitute([start & rest], by, memo)[0])
        start_assumed = {
            name: cast(Bool, substitute([_assumed(design, assumption, state, {}, "initial")], by, memo)[0])
            for name, assumption in assumptions.items()
            if "initial" in assumption.of
        }
        actions = {}
        for spec in design.actions.values():
            actions[spec.name] = _action(design, spec, state, declared, by, memo, assumptions)
        _known_actions(design)

    leaf = {path: variable(path, one.width) for path, one in declared.items()}
    anywhere = assemble(design.state, leaf)
    seen: dict[str, Term] = {}  # each view's function runs once, on variables
    states: dict[int, tuple[Mapping[str, Term], dict[Term, Term], dict[Term, Term]]] = {}  # the last ones; views of one state share terms

    def view(name: str, values: Mapping[str, Term]) -> Term:
        if name not in seen:
            seen[name] = sees(design, name, anywhere)
        if id(values) not in states:
            if len(states) == SEEN:
                states.clear()
            states[id(values)] = values, {term: by.get(values[path], values[path]) for path, term in leaf.items()}, {}
        return substitute([seen[name]], *states[id(values)][1:])[0]

    return System(
        design=design.name, configuration=configuration, record=design.state,
        variables={path: term for path, term in free.items() if path not in constants},
        fields=declared, constants=constants, initial=initial, initially_assumed=start_assumed,
        actions=actions, view=view,
        places={"": where(design.start), **{name: where(body) for name, body in design.views.items()}},
        views=frozenset(design.views), lacking=dict(design.lacking), assumptions=tuple(assumptions),
        helpers=frozenset(used) & design.functions.keys(),
    )  # fmt: skip


def sees(design: Design[Any], name: str, state: State) -> Term:
    """What a view sees of a state, as a term of what the state is made of. ModelError where it is no word and no truth value."""
    with design.building():
        result: object = called(design.views[name], f"view {name}", state)
    if isinstance(result, bool):
        return boolean(result)
    if not isinstance(result, Term):
        raise ModelError(f"{where(design.views[name])}: the view {name} returned {result!r}; a word or a truth value was expected")
    _reads_only(dict(leaves(design.state)), [result], where(design.views[name]), f"the view {name}")
    return result


def _reads_only(known: Container[str], terms: Iterable[Term], place: str, what: str) -> None:
    """ModelError where terms read what is neither a field nor an input of what they are of: it was kept from another call."""
    for used in variables(terms):
        if used.data not in known:
            raise ModelError(f"{at(place)}{what} reads {used.data}, which is neither a field nor an input of its own; take it as a parameter")


def _configure(design: Design[Any], configuration: str, state: State) -> Bool:
    parts: list[Bool] = []
    declared = dict(leaves(design.state))
    for name in filter(None, configuration.split("+")):
        if name not in design.settings:
            raise UsageError(f"{design.name} has no configuration {name!r}; {did_you_mean(name, design.settings)}")
        setting = design.settings[name]
        parts.append(_predicate(design, setting, state, f"setting {name}"))
        _reads_only(declared, parts[-1:], where(setting), f"{design.name}: setting {name}")
        for used in variables(parts[-1:]):
            if not declared[used.data].frozen:
                why = f"the setting {name} reads {used.data}, which is not frozen; declare it with 'frozen(...)'"
                raise ModelError(f"{at(where(setting))}{design.name}: {why}")
    return conj(parts)


def literals(said: Bool) -> dict[Term, Term]:
    """Variables whose value a predicate settles: of a guard, so that what an action does can be said in fewer words."""
    known: dict[Term, Term] = {}
    todo: list[tuple[Term, bool]] = [(said, True)]
    while todo:
        term, value = todo.pop()
        if term.op == "not":
            todo.append((term.args[0], not value))
        elif term.op == ("and" if value else "or") and not term.width:
            todo += [(arg, value) for arg in term.args]
        elif term.op == "var":
            known[term] = boolean(value)
        elif term.op == "eq" and value and term.args[0].op == "var" and term.args[1].op == "const":
            known[term.args[0]] = term.args[1]
    return known


def _fixed(wanted: Bool, design: Design[Any]) -> dict[str, Term]:
    """Frozen fields that a configuration pins: `x`, `~x` and `x == constant`."""
    fixed: dict[str, Term] = {}
    for part in conjuncts(wanted):
        if part is FALSE:
            raise UsageError(f"{design.name}: that configuration contradicts itself")
        if part.op == "var":
            fixed[part.data] = TRUE
        elif part.op == "not" and part.args[0].op == "var":
            fixed[part.args[0].data] = FALSE
        elif part.op == "eq" and part.args[0].op == "var" and part.args[1].op == "const":
            fixed[part.args[0].data] = part.args[1]
    return fixed


def _predicate(design: Design[Any], predicate: Callable[..., Bool | bool], state: State, what: str, inputs: Mapping[str, Term] | None = None) -> Bool:
    if not callable(predicate):
        raise ModelError(f"{at(design.place)}{design.name}: {what} is {predicate!r}; a function of the state was expected")
    result: object = called(predicate, f"{design.name}: {what}", state, **(inputs or {}))
    if not isinstance(result, Bool | bool):
        raise ModelError(f"{where(predicate)}: {design.name}: {what} returned {result!r}; a truth value was expected")
    return boolean(result) if isinstance(result, bool) else result


def _assumed(design: Design[Any], assumption: Assumption, state: State, inputs: Mapping[str, Term], of: str) -> Bool:
    import inspect

    name, given = assumption.name, assumption.given
    wanted = list(inspect.signature(given).parameters)[1:]
    for parameter in wanted:
        if parameter not in inputs:
            raise ModelError(f"{where(given)}: assumption {name}: {of} has no input {parameter!r}; {did_you_mean(parameter, inputs)}")
    return _predicate(design, given, state, f"assumption {name}", {parameter: inputs[parameter] for parameter in wanted})


def _known_actions(design: Design[Any]) -> None:
    for name, assumption in {**design.assumptions, **design.alternatives}.items():
        for of in assumption.of:
            if of != "initial" and of not in design.actions:
                raise ModelError(f"{where(assumption.given)}: assumption {name}: no action {of!r}; {did_you_mean(of, design.actions)}")


def _action(
    design: Design[Any], spec: ActionSpec, state: State, declared: Mapping[str, Field],
    by: Mapping[Term, Term], memo: dict[Term, Term], assumptions: Mapping[str, Assumption],
) -> Action:  # fmt: skip
    inputs = {name: variable(f"{spec.name}:{name}", width) for name, width in inputs_of(spec).items()}
    result = called(spec.body, f"action {spec.name}", state, **inputs)
    if not isinstance(result, design.state):
        raise ModelError(
            f"{where(spec.body)}: action {spec.name} is not total: it returned {result!r}, and a {design.state.__name__} was "
            "expected in every case; end with 'return s.when(condition, field=value)'"
        )
    guard = _predicate(design, spec.guard, state, f"guard of {spec.name}")
    assumed = {
        name: _assumed(design, assumption, state, inputs, spec.name)
        for name, assumption in assumptions.items()
        if spec.name in assumption.of
    }
    readable = {*(path for path, one in declared.items() if not one.observed), *(str(term.data) for term in inputs.values())}
    _reads_only(readable, [*flatten(result).values(), guard, *assumed.values()], where(spec.body), f"action {spec.name}")
    changes: dict[str, Term] = {}
    reports: dict[str, Term] = {}
    for path, term in flatten(result).items():
        if declared[path].observed:
            if term is not _zero(declared[path].width):
                reports[path] = term
        elif not (term.op == "var" and term.data == path):
            if declared[path].frozen:
                raise ModelError(f"{where(spec.body)}: action {spec.name} changes {path}, which is frozen")
            changes[path] = term
    terms = substitute([guard, *assumed.values()], by, memo)
    known = literals(cast(Bool, terms[0]))
    rest = iter(substitute([*changes.values(), *reports.values()], {**by, **known}))
    moved = {path: next(rest) for path in changes}
    return Action(
        name=spec.name, by=spec.by, source=spec.source, doc=spec.doc, inputs=inputs, guard=cast(Bool, terms[0]),
        assumed={name: cast(Bool, term) for name, term in zip(assumed, terms[1:], strict=True)},
        next={path: term for path, term in moved.items() if term is not known.get(variable(path, term.width), variable(path, term.width))},
        observed={path: next(rest) for path in reports}, bits=bits_of(spec),
    )  # fmt: skip
