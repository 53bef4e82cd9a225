"""Designs: a state, where it starts, what can happen to it, and how claims look at it.

    kvm = Design("kvm-rfc-v2", Vcpu, doc="KVM's RFC PATCH v2 04/11")

    @kvm.initial
    def created(s: Vcpu) -> Bool: ...                       # which states a run starts in

    @kvm.function
    def vmx_set_guest_spec_ctrl(s: Vcpu, v: Word) -> Vcpu:  # a helper that a variant may replace

    @kvm.action(by="guest", guard=in_guest, source="arch/x86/kvm/vmx/vmx.c:vmx_set_msr")
    def guest_wrmsr(s: Vcpu, value: U64) -> Vcpu:           # parameters after the state are free inputs

    @kvm.view
    def effective(s: Vcpu) -> Word: ...                     # what claims see

    broken = kvm.but("kvm-rfc-v2-stale", vmx_switch_vmcs=switch_without_the_shadow)

Where the guard is false an action does nothing, so every action is total. An assumption about the
environment is a named predicate that restricts some actions (or the initial state) and can be
switched off.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Generic, ParamSpec, TypeVar

from specproof.calling import caller, hints
from specproof.errors import ModelError, UsageError, at, did_you_mean, named, where
from specproof.state import Bits, S, State, _named, _width, assemble, fields, leaves
from specproof.terms import FALSE, TRUE, Bool, Term, variable

P = ParamSpec("P")
R = TypeVar("R")

_table: ContextVar[_Table | None] = ContextVar("functions of the design that is being built", default=None)


class _Table(dict[str, Callable[..., Any]]):
    """Functions by name, and which of them were asked for."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(functions)
        self.called: set[str] = set()

    def version(self, name: str, body: Callable[..., Any]) -> Callable[..., Any]:
        """The function of that name, or else `body`."""
        self.called.add(name)
        return self.get(name, body)


class Function(Generic[P, R]):
    """A helper of a design. Called while a variant is being built, it is the variant's version."""

    def __init__(self, body: Callable[P, R]) -> None:
        """`body`: the version that holds where no variant replaces it."""
        self.body = body
        self.name = body.__name__
        self.__doc__ = body.__doc__

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        table = _table.get()
        body = self.body if table is None else table.version(self.name, self.body)
        return body(*args, **kwargs)


@dataclass(frozen=True)
class ActionSpec:
    """An action as declared: its body, who does it, where the source says so, when it can happen."""

    name: str
    body: Callable[..., State]
    by: str
    source: str
    guard: Callable[[Any], Bool]

    @property
    def doc(self) -> str:
        return inspect.cleandoc(self.body.__doc__ or "")


@dataclass(frozen=True)
class Assumption:
    """What is taken for granted about the environment, of which actions, and who says so.

    An alternative is another answer to the same question: off by default, and on it stands `instead_of` an assumption.
    """

    name: str
    doc: str
    of: tuple[str, ...]
    given: Callable[..., Bool]
    instead_of: str = ""


def switched(changes: Sequence[str]) -> str:
    """Changes of assumptions in words: `without a, with b`; empty for none."""
    off = ", ".join(name for name in changes if not name.startswith("+"))
    on = ", ".join(name[1:] for name in changes if name.startswith("+"))
    return ", ".join([*(["without " + off] if off else []), *(["with " + on] if on else [])])


def _always(_: State) -> Bool:
    return TRUE


#: How the decorators of a design, and what else it is told by, are written.
FORMS = {
    "__init__": 'Design("its-name", ItsState, doc="what it is, in a sentence")',
    "initial": "@design.initial", "function": "@design.function", "view": "@design.view",
    "action": '@design.action(by="guest")',
    "assumption": '@design.assumption("its-name", of=("an_action",))',
    "setting": 'design.setting("its-name", lambda s: s.a_frozen_field)',
}  # fmt: skip


class Design(Generic[S]):
    """A transition system with views. `name` is kebab-case; `doc` one sentence; `vendor` groups the matrix."""

    def __init__(self, name: str, state: type[S], *, doc: str, vendor: str = "") -> None:
        """A design without actions; the decorators below add to it."""
        self.name, self.state, self.doc, self.vendor = named(name, "a design"), state, doc, vendor
        if not (isinstance(state, type) and issubclass(state, State)):
            raise ModelError(f"the state of {name} is {state!r}; write 'class ItsState(State):' with its fields, and give that class")
        fields(state)  # now, since a file's module may be forgotten once it was run, and text among its annotations is read there
        self.place = caller()  # where it is written, for messages
        self.parent: Design[S] | None = None
        self.reference = ""  # the name of the design that a counterexample is told beside; a variant's is what it varies
        self.start: Callable[[S], Bool] | None = None
        self.functions: dict[str, Callable[..., Any]] = {}
        self.actions: dict[str, ActionSpec] = {}
        self.views: dict[str, Callable[[S], Term]] = {}
        self.lacking: dict[str, str] = {}
        self.settings: dict[str, Callable[[S], Bool]] = {}
        self.configurations: tuple[str, ...] = ()
        self.assumptions: dict[str, Assumption] = {}
        self.alternatives: dict[str, Assumption] = {}

    def __repr__(self) -> str:
        return f"<design {self.name}>"

    def initial(self, predicate: Callable[[S], Bool]) -> Callable[[S], Bool]:
        """Decorator: which states a run may start in. Fields that it leaves open start with any value. A variant may have its own."""
        if self.start is not None and (self.parent is None or self.start is not self.parent.start):
            first = where(self.start)
            raise ModelError(f"{where(predicate)}: {self.name} has an initial predicate, {first}; write one that says both, with &, or leave one out")
        self.start = predicate
        return predicate

    def function(self, body: Callable[P, R]) -> Function[P, R]:
        """Decorator: a helper that variants can replace by its name."""
        body = self._fresh(body)
        self.functions[body.__name__] = body
        return Function(body)

    def action(
        self, *, by: str, source: str = "", guard: Callable[[S], Bool] = _always
    ) -> Callable[[Callable[P, S]], Callable[P, S]]:
        """Decorator: an atomic step. Parameters after the state are inputs that the environment chooses.

        The bits of an input have the names of the fields that it flows into, or those of its own annotation.
        """

        def register(body: Callable[P, S]) -> Callable[P, S]:
            self._fresh(body)
            _takes_the_state_alone(body.__name__, guard)
            self.actions[body.__name__] = ActionSpec(body.__name__, body, by, source, guard)
            return body

        return register

    def view(self, body: Callable[[S], R]) -> Function[[S], R]:
        """Decorator: something that claims can look at, named as in `proofs/vocabulary.py`."""
        body = self._fresh(body)
        self.lacking.pop(body.__name__, None)
        self.views[body.__name__] = body  # type: ignore[assignment]
        return Function(body)

    def shows(self, *paths: str) -> None:
        """Views that are fields, each under the field's own name: `vmcs.mask` becomes the view `mask`."""
        known = dict(leaves(self.state))
        for path in paths:
            if path not in known:
                raise ModelError(f"{self.name} has no field {path!r} to show; {did_you_mean(path, known)}")

            def look(s: Any, names: tuple[str, ...] = tuple(path.split("."))) -> Any:
                for name in names:
                    s = getattr(s, name)
                return s

            look.__name__, look.__doc__ = path.rpartition(".")[2], f"The field {path}."
            self.view(look)

    def lacks(self, /, **reasons: str) -> None:
        """Views that this design cannot offer, each with the reason that `check` prints."""
        self.lacking.update(reasons)

    def lacks_all_else(self, reason: str) -> None:
        """The reason for every view that the design neither has nor lacks by name."""
        self.lacking[""] = reason

    def setting(self, name: str, predicate: Callable[[S], Bool]) -> None:
        """A name for a condition on frozen fields, for `--config`, where `+` joins settings and `~` two sides."""
        if set(named(name, "a setting")) & set("+~"):
            raise ModelError(f"{name!r} cannot name a setting: '+' and '~' stand between names of settings")
        self.settings[name] = predicate

    def configure(self, *names: str) -> None:
        """The settings under which every claim is asked. Frozen values that none of them allows are not asked about."""
        for name in names:
            if name not in self.settings:
                raise ModelError(f"{self.name} has no setting {name!r}; {did_you_mean(name, self.settings)}")
        self.configurations = names

    def assumption(self, name: str, *, of: tuple[str, ...], instead_of: str = "") -> Callable[[Callable[P, Bool]], Callable[P, Bool]]:
        """Decorator: a predicate on the state and on inputs, by name, of the actions `of` ("initial" for the start).

        With `instead_of` it is an alternative to that assumption, for where sources disagree: off until `--with` asks for it.
        """

        def register(given: Callable[P, Bool]) -> Callable[P, Bool]:
            if instead_of and instead_of not in self.assumptions:
                known = did_you_mean(instead_of, self.assumptions)
                raise ModelError(f"{where(given)}: {self.name} has no assumption {instead_of!r} for {name} to stand instead of; {known}")
            table = self.alternatives if instead_of else self.assumptions
            table[named(name, "an assumption")] = Assumption(name, inspect.cleandoc(given.__doc__ or ""), of, given, instead_of)
            return given

        return register

    def in_force(self, changes: Iterable[str] = ()) -> dict[str, Assumption]:
        """The assumptions by name after changes: `name` switches one off, `+name` an alternative on, instead of its own.

        UsageError where a name is unknown.
        """
        changes = tuple(changes)
        for change in changes:
            if not self.can_change(change):
                known = self.alternatives if change.startswith("+") else self.assumptions
                kind = "alternative" if change.startswith("+") else "assumption"
                raise UsageError(f"{self.name} has no {kind} {change.removeprefix('+')!r}; {did_you_mean(change.removeprefix('+'), known)}")
        chosen = {name: one for name, one in self.alternatives.items() if f"+{name}" in changes}
        off = {*changes, *(one.instead_of for one in chosen.values())}
        return {**{name: one for name, one in self.assumptions.items() if name not in off}, **chosen}

    def sentence_of(self, name: str) -> str:
        """What an assumption or an alternative says; empty for none of that name."""
        one = self.assumptions.get(name) or self.alternatives.get(name)
        return one.doc if one else ""

    def can_change(self, change: str) -> bool:
        """Whether a change names an assumption of this design, or with `+` an alternative."""
        return change.removeprefix("+") in (self.alternatives if change.startswith("+") else self.assumptions)

    def back(self) -> Iterator[Design[Any]]:
        """The design, and what it was made from, as far back as that goes."""
        one: Design[Any] | None = self
        while one is not None:
            yield one
            one = one.parent

    def but(self, name: str, *, doc: str = "", without: tuple[str, ...] = (), **changes: Callable[..., Any]) -> Design[S]:
        """A variant: the same design with some functions, actions, views or `initial` replaced.

        `without` drops actions, views or assumptions. An unknown name is an error.
        """
        new = Design(name, self.state, doc=doc or f"{self.name} with {', '.join(changes) or 'nothing'} changed", vendor=self.vendor)
        new.parent, new.start, new.configurations = self, self.start, self.configurations
        for table in ("functions", "actions", "views", "lacking", "settings", "assumptions", "alternatives"):
            setattr(new, table, dict(getattr(self, table)))
        for dropped in without:
            if dropped not in (*new.actions, *new.views, *new.assumptions):
                raise ModelError(f"{self.name} has no {dropped!r} to leave out; {did_you_mean(dropped, self._names())}")
            new.actions.pop(dropped, None)
            new.views.pop(dropped, None)
            new.assumptions.pop(dropped, None)
            new.alternatives = {name: one for name, one in new.alternatives.items() if one.instead_of != dropped}
        for changed, body in changes.items():
            new._change(changed, body.body if isinstance(body, Function) else body)
        return new

    def _change(self, name: str, body: Callable[..., Any]) -> None:
        if not callable(body):
            raise ModelError(f"{self.name} cannot have {body!r} for {name}; a function was expected")
        if name == "initial":
            self.start = body
        elif name in self.functions:
            self.functions[name] = body
        elif name in self.actions:
            self.actions[name] = replace(self.actions[name], body=body)
        elif name in self.views:
            self.views[name] = body
        else:
            raise ModelError(f"{where(body)}: {self.name} has no function, action or view {name!r}; {did_you_mean(name, self._names())}")

    def written(self) -> tuple[object, ...]:
        """All that a system is built of; equal as long as nothing is added or changed."""
        tables = (self.functions, self.actions, self.views, self.lacking, self.settings, self.assumptions, self.alternatives)
        return self.name, self.state, self.start, self.configurations, *(tuple(table.items()) for table in tables)

    def _names(self) -> list[str]:
        return [*self.functions, *self.actions, *self.views, *self.assumptions, "initial"]

    def _fresh(self, body: Callable[P, R]) -> Callable[P, R]:
        """What is to be defined under its own name; of a helper or a view of another design, what that is made of."""
        body = body.body if isinstance(body, Function) else body
        if not callable(body):
            raise ModelError(f"{body!r} is no function: a function or a view has the name of the 'def' that {FORMS['view']!r} stands above")
        name = str(getattr(body, "__name__", body))
        if not name.isidentifier():
            place = f"{where(body)}: " if where(body) else ""
            raise ModelError(f"{place}{name!r} cannot name an action, a function or a view: write it with 'def'")
        if name in (*self.functions, *self.actions, *self.views):
            raise ModelError(f"{where(body)}: {self.name} has two definitions of {name!r}; to change one write {self.name}.but(..., {name}=...)")
        return body

    @contextmanager
    def building(self) -> Iterator[set[str]]:
        """While this holds, helpers and views are this design's versions; yields the names of those that were called so far."""
        table = _Table({**self.functions, **self.views})
        token = _table.set(table)
        try:
            yield table.called
        finally:
            _table.reset(token)


def inputs_of(spec: ActionSpec) -> dict[str, int]:
    """The free inputs of an action: name to width in bits, 0 for a truth value."""
    parameters = list(inspect.signature(spec.body).parameters)
    types = hints(spec.body, f"action {spec.name}")
    found: dict[str, int] = {}
    for name in parameters[1:]:
        if name not in types:
            bound = inspect.signature(spec.body).parameters[name].default is not inspect.Parameter.empty
            more = "; what a loop binds with a default comes from a function around it instead" if bound else ""
            raise ModelError(f"{where(spec.body)}: {spec.name}: the input {name!r} needs a type, U64 or Bool{more}")
        width = _width(types[name], f"{where(spec.body)}: {spec.name}: the input {name!r}")
        if width is None:
            raise ModelError(f"{where(spec.body)}: {spec.name}: the input {name!r} must be a word or a truth value")
        found[name] = width
    return found


def bits_of(spec: ActionSpec) -> dict[str, Bits]:
    """The names of the bits of those inputs of an action that declare them: `data: Annotated[Word, 64, MITIGATION_CTRL]`."""
    types = hints(spec.body, f"action {spec.name}")
    named = {name: _named(types.get(name)) for name in list(inspect.signature(spec.body).parameters)[1:]}
    return {name: bits for name, bits in named.items() if bits is not None}


def blank(record: type[S]) -> tuple[S, dict[str, Term]]:
    """A state of variables, observed fields cleared; and the variables by path."""
    values: dict[str, Term] = {}
    for path, declared in leaves(record):
        values[path] = _zero(declared.width) if declared.observed else variable(path, declared.width)
    return assemble(record, values), {path: term for path, term in values.items() if term.op == "var"}


def _zero(width: int) -> Term:
    from specproof.terms import word

    return word(0, width) if width else FALSE


def _takes_the_state_alone(action: str, guard: Callable[[Any], Bool]) -> None:
    """A guard says whether the actor can act at all; what it then chooses is not known there."""
    code = getattr(guard, "__code__", None)
    inputs = code.co_varnames[1 : code.co_argcount - len(guard.__defaults__ or ())] if code else ()
    if inputs:
        instead = f"what depends on an input goes into the action: s.when({inputs[0]} != 0, ...) does nothing where that is false"
        names = " and ".join(inputs)
        raise ModelError(f"{at(where(guard))}guard of {action}: a guard takes the state alone, and this one {names}, too; {instead}")
