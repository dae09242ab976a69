"""Mutation run: does a test fail for each small fault that is put into the code?

    python -m tests.mutate --room schemas --room hub/bus --count 100 --seed 1 --jobs 2

Takes random one-token mutants of the rooms' code, each in a copy of the tree, and runs the nearest tests until the
first failure. Prints every mutant that no test caught, and the rate. Mutants in `tests/equivalent_mutants.txt` change
nothing that a caller can see; they are not drawn.
"""

import argparse
import ast
import contextlib
import importlib.util
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

ROOT: Final = Path(__file__).parents[1]
EQUIVALENT: Final = ROOT / "tests" / "equivalent_mutants.txt"
TESTS: Final = {
    "schemas": ["tests/schemas"],
    "hub/bus": ["tests/hub/bus"],
    "hub/privacy": ["tests/hub/privacy", "tests/hub/delivery/test_recipients.py", "tests/hub/directory"],
    "hub/delivery": [
        *(f"tests/hub/delivery/test_{name}.py" for name in ("follower", "pages", "recipients")),
        "tests/hub/api/test_feed.py",
        "tests/hub/delivery",  # the simulation is the slowest
    ],
}
"""The nearest tests of each room. Those that are named after the mutated module run first."""

LEAST_S: Final = 30.0
SLOWER: Final = 3
"""A mutant that takes this many times as long as the tests without it, and at least `LEAST_S`, counts as caught."""

OPERATORS: Final = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "is": "is not", "is not": "is",
    "in": "not in", "not in": "in", "and": "or", "or": "and", "+": "-", "-": "+", "*": "+", "//": "*", "/": "*",
    "%": "+", "<<": ">>", ">>": "<<", "|": "&", "&": "|",
}  # fmt: skip
NAMES: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    path: str
    text: str  # of the file before the change
    start: int  # offsets in the text
    end: int
    new: str

    def mutated(self) -> str:
        return self.text[: self.start] + self.new + self.text[self.end :]

    def shown(self) -> str:
        """Its place, and the line before and after."""
        number = self.text.count("\n", 0, self.start)
        old, new = (each.split("\n")[number].strip() for each in (self.text, self.mutated()))
        return f"{self.path}:{number + 1}\n- {old}\n+ {new}"

    def keys(self) -> set[str]:
        """What the list of equivalent mutants may call it, whatever its line number: it alone, or all of its line."""
        _, old, new = self.shown().split("\n")
        return {f"{self.path} {old[2:]} => {new[2:]}", f"{self.path} {old[2:]} => *"}


class Candidates(ast.NodeVisitor):
    """All mutants of one module."""

    def __init__(self, path: str, text: str) -> None:
        self.found: list[Mutant] = []
        self._path, self._text = path, text
        self._lines = [0]
        for line in text.encode().splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._bytes = text.encode()
        self._in_function = False
        self.visit(ast.parse(text))

    def _at(self, line: int, column: int) -> int:
        return len(self._bytes[: self._lines[line - 1] + column].decode())

    def _span(self, node: ast.AST) -> tuple[int, int]:
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _replace(self, node: ast.AST, new: str) -> None:
        self.found.append(Mutant(self._path, self._text, *self._span(node), new))

    def _between(self, left: ast.AST, right: ast.AST) -> None:
        """The operator between two operands."""
        start, end = self._span(left)[1], self._span(right)[0]
        match = re.search(r"is\s+not|not\s+in|[a-z]+|[<>=!+\-*/%|&]+", self._text[start:end])
        new = OPERATORS.get(re.sub(r"\s+", " ", match[0])) if match else None
        if match and new:
            self.found.append(Mutant(self._path, self._text, start + match.start(), start + match.end(), new))

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, right in zip([node.left, *node.comparators], node.comparators, strict=False):
            self._between(left, right)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between(left, right)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not any(
            isinstance(each, ast.JoinedStr | ast.Constant) and _is_text(each) for each in (node.left, node.right)
        ):
            self._between(node.left, node.right)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace(node, f"({ast.get_source_segment(self._text, node.operand)})")
        self.generic_visit(node)

    def _condition(self, test: ast.expr) -> None:
        if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant):
            self._replace(test, f"not ({ast.get_source_segment(self._text, test)})")

    def visit_If(self, node: ast.If) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    visit_While = visit_IfExp = visit_If

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace(node, str(not node.value))
        elif isinstance(node.value, int | float):
            self._replace(node, str(node.value + 1))
            self._replace(node, str(node.value - 1))

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in NAMES:
            self._replace(node, NAMES[node.id])

    def visit_Return(self, node: ast.Return) -> None:
        constant = isinstance(node.value, ast.Constant) and node.value.value in (None, True, False)
        if node.value is not None and not constant:
            self._replace(node, "return None")
        self.generic_visit(node)

    def visit_Break(self, node: ast.Break) -> None:
        self._replace(node, "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._replace(node, "break")

    def visit_Expr(self, node: ast.Expr) -> None:
        source = ast.unparse(node.value)
        if isinstance(node.value, ast.Constant) or re.match(r"_?log(ger)?\.", source):
            return  # a docstring, an ellipsis, or a line of the program's log
        self._replace(node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._replace(node, "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(node, "pass")  # its text is not looked into

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            self._replace(node, "pass")
        if ast.unparse(node.targets[0]) not in ("__all__", "__slots__"):
            self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None and (self._in_function or "dict[" not in ast.unparse(node.annotation)):
            self.visit(node.value)  # the annotation is for readers and mypy

    def visit_Dict(self, node: ast.Dict) -> None:
        if self._in_function:  # elsewhere it is an example
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node.name != "__repr__":
            outside, self._in_function = self._in_function, True
            for each in (*node.args.defaults, *(default for default in node.args.kw_defaults if default), *node.body):
                self.visit(each)
            self._in_function = outside

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if "Protocol" not in map(ast.unparse, node.bases):
            for each in node.body:
                self.visit(each)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in ("examples", "description"):
            self.visit(node.value)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def candidates(room: str, equivalent: set[str]) -> Iterator[Mutant]:
    for module in sorted((ROOT / room).rglob("*.py")):
        path, text = str(module.relative_to(ROOT)), module.read_text()
        if not module.stem.endswith("_examples"):
            yield from (each for each in Candidates(path, text).found if not each.keys() & equivalent)


class Copy:
    """A copy of the tree in which one mutant at a time is tried."""

    def __init__(self, folder: Path, number: int) -> None:
        self._root = folder / str(number) / ROOT.name
        skipped = shutil.ignore_patterns(".*", "__pycache__", "build", "*.egg-info")
        shutil.copytree(ROOT, self._root, ignore=skipped)
        shared = ROOT.parent / "shared"
        if shared.is_dir():
            (self._root.parent / "shared").symlink_to(shared)

    def tests(self, paths: list[str], limit_s: float, *, bytecode: bool = False) -> bool:
        """Whether the tests pass within the time."""
        environment = {**os.environ, "PYTHONPATH": str(self._root)}
        if not bytecode:  # a mutant's bytecode could pass for that of the next one
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *paths]
        running = subprocess.Popen(
            command, cwd=self._root, env=environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            return running.wait(limit_s) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)  # the peers that a failed test left behind
            running.wait()

    def survives(self, mutant: Mutant, paths: list[str], limit_s: float) -> bool:
        target = self._root / mutant.path
        try:
            target.write_text(mutant.mutated())
            Path(importlib.util.cache_from_source(str(target))).unlink(missing_ok=True)
            return self.tests(paths, limit_s)
        finally:
            target.write_text(mutant.text)


def nearest(mutant: Mutant, room: str) -> list[str]:
    """The room's test modules: first those that are named after the mutated module."""
    stem = Path(mutant.path).stem.removesuffix("s")
    found = [
        path
        for given in TESTS[room]
        for path in (sorted((ROOT / given).rglob("test_*.py")) if (ROOT / given).is_dir() else [ROOT / given])
    ]
    return [
        str(each.relative_to(ROOT)) for each in sorted(dict.fromkeys(found), key=lambda path: stem not in path.stem)
    ]


def run(rooms: list[str], count: int, seed: int, jobs: int) -> int:
    equivalent = {
        line.rpartition("  # ")[0] for line in EQUIVALENT.read_text().splitlines() if line and not line.startswith("#")
    }
    every = [(room, mutant) for room in rooms for mutant in candidates(room, equivalent)]
    drawn = random.Random(seed).sample(every, min(count, len(every)))
    survived = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: SimpleQueue[Copy] = SimpleQueue()
        limits: dict[str, float] = {}
        for number in range(jobs):
            copy = Copy(Path(folder), number)
            for room in rooms:
                begun = time.monotonic()
                if not copy.tests(TESTS[room], 3600, bytecode=True):
                    sys.exit(f"the tests of {room} fail without a mutant")
                limits[room] = max(LEAST_S, SLOWER * (time.monotonic() - begun))
            copies.put(copy)

        def tried(room: str, mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                return copy.survives(mutant, nearest(mutant, room), limits[room])
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(jobs) as pool:
            results = pool.map(lambda each: tried(*each), drawn)
            for number, ((_, mutant), alive) in enumerate(zip(drawn, results, strict=True), start=1):
                print(f"{number}/{len(drawn)}", end="\r", file=sys.stderr, flush=True)
                if alive:
                    survived += 1
                    print(mutant.shown(), flush=True)
    caught = len(drawn) - survived
    print(f"{caught} of {len(drawn)} mutants caught ({100 * caught / len(drawn):.1f} %), of {len(every)}; seed {seed}")
    return survived


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--room", action="append", choices=sorted(TESTS), help="which room (all, unless given)")
    parser.add_argument("--count", type=int, default=300, help="how many mutants are drawn")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="how many are tried at a time")
    given = parser.parse_args()
    run(given.room or sorted(TESTS), given.count, given.seed, given.jobs)


if __name__ == "__main__":
    main()
