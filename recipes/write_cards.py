"""Put the measured figures of the shipped models into their cards.

usage: python recipes/write_cards.py [--check]

With --check nothing is written; the exit code is 1 if a card and its figures differ.
"""

import json
import re
import sys
from pathlib import Path

WEIGHTS = Path(__file__).parents[1] / "src" / "mien" / "weights"
_BLOCK = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)


def figure(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def mma_figures(reports: dict) -> str:
    names = list(reports)
    overall = [
        [
            name,
            str(report["n"]),
            figure(report["accuracy"], 4),
            figure(report["macro_f1"]),
            figure(report["valence_arousal_ccc"]["valence"]),
            figure(report["valence_arousal_ccc"]["arousal"]),
            figure(report["au_mean_correlation"]),
        ]
        for name, report in reports.items()
    ]
    head = ["data", "n", "accuracy", "macro-F1", "CCC valence", "CCC arousal", "mean r of 12 AUs"]
    classes = [
        [label]
        + [f"{figure(reports[n]['recall'][label])} ({reports[n]['support'][label]})" for n in names]
        for label in reports[names[0]]["recall"]
    ]
    units = [
        [unit.upper(), *[figure(reports[n]["au_correlation"][unit]) for n in names]]
        for unit, value in reports[names[0]]["au_correlation"].items()
        if value is not None
    ]
    return "\n\n".join(
        [
            table(head, overall),
            "Recall per expression (faces):",
            table(["expression", *names], classes),
            "Pearson's r with the teacher's score, per action unit:",
            table(["AU", *names], units),
        ]
    )


def reaction_figures(report: dict) -> str:
    rows = [[name.replace("_", " "), figure(r)] for name, r in report["pearson"].items()]
    rows.append([f"**mean**, n {report['n']}", f"**{figure(report['mean_pearson'])}**"])
    return table(["reaction (simulated)", "Pearson's rho"], rows)


def main() -> int:
    stale = 0
    for name, figures in (
        ("mma-compact", mma_figures),
        ("reactions-simulated", reaction_figures),
    ):
        card = WEIGHTS / f"{name}.md"
        metrics = json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))
        old = card.read_text(encoding="utf-8")
        new = _BLOCK.sub(lambda m, f=figures, r=metrics: m[1] + f(r) + "\n" + m[2], old)
        if new != old:
            stale += 1
            if "--check" in sys.argv:
                print(f"{card.name}: its figures are not those of {name}.json")
            else:
                card.write_text(new, encoding="utf-8")
    return stale if "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
