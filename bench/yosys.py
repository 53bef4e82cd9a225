"""yosys-smtbmc on the same system: the AIGER file inside a Verilog module that asserts its outputs never rise.

Where there are violations to find it unrolls (`--keep-going`), where there are none it tries k-induction (`-i`).
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.run import Run, run
from specproof.readings.aiger import Circuit

#: Z3's own program comes with its Python package.
PLACES = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
FOUND = all(shutil.which(name, path=PLACES) for name in ("yosys", "yosys-smtbmc", "z3"))

#: More steps than any run of ours has.
DEPTH = 40

#: Seconds that yosys may take to read a circuit.
PATIENCE = 30.0


def write(whole: Circuit, folder: Path) -> None:
    """The circuit with names that Verilog can say, and the module around it; claim number k is asserted in line k + 5."""
    plain = replace(
        whole, inputs={f"i{k}": node for k, node in enumerate(whole.inputs.values())},
        latches=tuple(replace(latch, name=f"l{k}") for k, latch in enumerate(whole.latches)),
        outputs={f"o{k}": literal for k, literal in enumerate(whole.outputs.values())},
    )  # fmt: skip
    (folder / "system.aig").write_bytes(plain.data())
    ports = [*(f".{name}(i[{k}])" for k, name in enumerate(plain.inputs)), *(f".{name}(o[{k}])" for k, name in enumerate(plain.outputs))]
    lines = [f"module top(input [{len(plain.inputs) - 1}:0] i);", f"  wire [{len(plain.outputs) - 1}:0] o;", f"  sys system({', '.join(ports)});"]
    lines += ["  always @* begin", *(f"    assert(!o[{k}]);" for k in range(len(plain.outputs))), "  end", "endmodule", ""]
    (folder / "top.v").write_text("\n".join(lines), encoding="utf-8")


def smtbmc(folder: Path, claims: Sequence[str], violated: bool, cut: float) -> Run:
    """Which claims it decides, of a folder that `write` filled. Reading the files is not counted, the solver's time is;
    where reading takes more than PATIENCE seconds, that was the cut."""
    passes = "read_aiger -module_name sys system.aig; read_verilog -formal top.v; prep -top top -flatten; write_smt2 -wires system.smt2"
    read = run(["yosys", "-q", "-p", passes], PATIENCE, folder=str(folder), path=PLACES)
    if read.cut:
        return read
    how = ["--keep-going"] if violated else ["-i"]
    command = ["yosys-smtbmc", "-s", "z3", "--noprogress", *how, "-t", str(DEPTH), "system.smt2"]
    done = run(command, cut, folder=str(folder), path=PLACES)
    lines = {int(line) for line in re.findall(r"Assert failed in top: top\.v:\d+\.\d+-(\d+)\.", done.output)}
    if violated:
        done.words = {claim: "refuted" for k, claim in enumerate(claims) if k + 5 in lines}
    elif "Status: PASSED" in done.output:
        done.words = dict.fromkeys(claims, "proved")
    done.cut = done.cut or "Status:" not in done.output or not (violated or done.words)
    return done
