"""Mutation testing of losses, metrics, masks and corpora: is a small fault noticed by the tests?

    make mutate                                     # 120 mutants, drawn with seed 0
    python tools/mutate.py --count 0                # all of them
    python tools/mutate.py --only metrics --count 0

The tree is copied; in the copy one operator, comparison, condition or number of a file is changed
at a time, and the tests of that file are run until one fails. Numbers that only describe (published
counts), texts and error messages are left alone. It prints every survivor with its line, and the
share that was killed. A mutant that runs for more than two minutes counts as killed: a hang is
noticed. Processes are forked from one that has imported the large libraries, which needs Linux or
macOS.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORPORA, FORMATS, TESTS = "src/mien/data/corpora", "src/mien/data/formats", "tests/datasets/corpora"
CODED = f"{TESTS}/test_coded_corpora.py"
TARGETS: dict[str, tuple[str, ...]] = {
    "src/mien/training/losses.py": ("tests/test_losses.py", "tests/test_trace_loss.py"),
    "src/mien/evaluation/metrics.py": ("tests/evaluation/test_metrics.py",),
    "src/mien/evaluation/unit_sets.py": ("tests/evaluation/test_coded_units.py",),
    "src/mien/models/masked_rnn.py": ("tests/models/test_masked_rnn.py",),
    "src/mien/training/optimizers/routed_adam.py": ("tests/training/test_routed_adam.py",),
    f"{CORPORA}/aff_wild2.py": (f"{TESTS}/test_aff_wild2.py",),
    f"{CORPORA}/affectnet.py": (f"{TESTS}/test_affectnet.py", CODED),
    f"{CORPORA}/affectnet_npy.py": (CODED,),
    f"{CORPORA}/bp4d.py": (CODED,),
    f"{CORPORA}/crema_d.py": (f"{TESTS}/test_crema_d.py",),
    f"{CORPORA}/disfa.py": (CODED,),
    f"{CORPORA}/emotionet.py": (f"{TESTS}/test_emotionet.py", CODED),
    f"{CORPORA}/hume_reaction.py": (f"{TESTS}/test_hume_reaction.py",),
    f"{CORPORA}/raf_db.py": (CODED,),
    f"{CORPORA}/s_aff_wild2.py": (CODED,),
    f"{CORPORA}/recordings/sewa.py": (f"{TESTS}/test_stream_corpora.py",),
    f"{FORMATS}/aff_wild2_labels.py": (f"{TESTS}/test_aff_wild2.py",),
    f"{FORMATS}/aff_wild2_multitask.py": (f"{TESTS}/test_aff_wild2.py", CODED),
}
"""File -> the tests that have to notice a fault in it; first come losses, metrics and masks."""

HEAVY = ("numpy", "torch", "cv2", "pyarrow.parquet", "onnx", "scipy.stats")
LONGEST_S = 120  # of calculation, whatever else the machine does
SWAPS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.And: ast.Or, ast.Or: ast.And, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
    ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn,
    ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One changed file: what was changed, and its new text."""

    file: str
    line: int
    change: str
    text: str


def places(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that decide something: not annotations, decorators, error messages or texts."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list") or isinstance(tree, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.Raise):
                yield child
                yield from places(child)


def edits(node: ast.AST) -> Iterator[tuple[str, str, object]]:
    """What can be changed at a node: words for it, the field, its new value."""
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in SWAPS:
        new = SWAPS[type(node.op)]
        yield f"{type(node.op).__name__} -> {new.__name__}", "op", new()
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        new = SWAPS[type(node.ops[0])]
        yield f"{type(node.ops[0]).__name__} -> {new.__name__}", "ops", [new(), *node.ops[1:]]
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield "condition negated", "test", ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.comprehension) and node.ifs:
        yield "filter left out", "ifs", []
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        new = not node.value if isinstance(node.value, bool) else node.value + 1
        yield f"{node.value} -> {new}", "value", new


def mutants(file: str) -> list[Mutant]:
    """Every mutant of a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found, line = [], 0
    for node in list(places(tree)):
        line = getattr(node, "lineno", line)
        for change, field, new in edits(node):
            old = getattr(node, field)
            setattr(node, field, new)
            text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(tree)))
            setattr(node, field, old)
            found.append(Mutant(file, line, change, text))
    return found


def survives(mutant: Mutant, place: Path) -> bool:
    """Whether all tests of the file pass with the mutant in the copied tree."""
    path = place / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutant.text, encoding="utf-8")
    child = os.fork()
    if child == 0:
        _test(mutant.file, place)
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        path.write_text(original, encoding="utf-8")


def _test(file: str, place: Path) -> None:
    """Run the tests in this process, which then ends."""
    import pytest

    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))
    said = os.open(place / "tests.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.chdir(place)
    sys.path.insert(0, str(place / "src"))
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--no-header"]
    code = 1
    try:
        code = int(pytest.main([*options, *TARGETS[file], file]))
    finally:
        os._exit(code)


def main() -> int:
    """Run the command; its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=120, help="Mutants to draw; 0: all.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="Files whose path holds this.")
    parser.add_argument("--least", type=float, default=0.0, help="Exit code 1 below this share.")
    asked = parser.parse_args()
    sys.dont_write_bytecode = True
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    drawn = [mutant for file in TARGETS if asked.only in file for mutant in mutants(file)]
    total = len(drawn)
    if asked.count:
        drawn = random.Random(asked.seed).sample(drawn, min(asked.count, total))
    for name in HEAVY:
        import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "tree"
        shutil.copytree(
            ROOT, place, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", "runs")
        )
        for file in dict.fromkeys(mutant.file for mutant in drawn):
            same = Mutant(file, 0, "nothing", (ROOT / file).read_text(encoding="utf-8"))
            if not survives(same, place):
                print((place / "tests.log").read_text(encoding="utf-8")[-2000:])
                print(f"{file}: its tests fail as it stands, see above")
                return 2
        survivors = []
        for number, mutant in enumerate(drawn, 1):
            if survives(mutant, place):
                survivors.append(mutant)
                print(f"survived: {mutant.file}:{mutant.line}: {mutant.change}", flush=True)
            if number % 20 == 0:
                print(f"{number} of {len(drawn)}", file=sys.stderr, flush=True)
    killed = len(drawn) - len(survivors)
    share = killed / max(1, len(drawn))
    print(f"{killed} of {len(drawn)} mutants killed ({share:.1%}); {total} there are")
    return int(share < asked.least)


if __name__ == "__main__":
    sys.exit(main())
