"""cvc5: the one file that imports it."""

from __future__ import annotations


def version() -> str:
    """The solver and its version."""
    import cvc5

    return f"cvc5 {cvc5.__version__}"


def ask(text: str, seconds: float | None) -> str:
    """The word on a whole SMT-LIB script; "unknown" with the reason where it has none."""
    import cvc5

    solver = cvc5.Solver()
    if seconds is not None:
        solver.setOption("tlimit-per", str(max(1, int(seconds * 1000))))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "script")
    symbols = parser.getSymbolManager()
    said = ""
    try:
        while True:
            command = parser.nextCommand()
            if command.isNull():
                break
            said += command.invoke(solver, symbols)
    except RuntimeError as error:
        return f"unknown ({' '.join(str(error).split())[:200]})"
    words = said.split()
    return words[0] if words[:1] in (["sat"], ["unsat"]) else f"unknown ({' '.join(words)[:200]})"
