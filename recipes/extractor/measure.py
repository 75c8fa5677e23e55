"""Every figure of the shipped extractor's card, on halves B of the development sets.

    python recipes/extractor/measure.py DATA RUNS MODEL.onnx CALIBRATION.json OUT.json

at the file's own prior, levels and temperatures. `recipes/extractor/choose.py` chose those on
halves A. Synthetic faces say so in their key.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from development import balanced, load, read_crops

from mien.data.targets.mesh import load_mesh
from mien.evaluation.affect import without_nan
from mien.evaluation.calibration.probabilities import calibration_error
from mien.evaluation.eye_panel import (
    LEAST_POSITIVES,
    area_under_curve,
    cohen_kappa,
    panel_scores,
)
from mien.evaluation.fairness import audit
from mien.evaluation.jitter import measure_jitter
from mien.evaluation.metrics import Confusion, concordance
from mien.faces.pose import turned_pose
from mien.labels import (
    ACTION_UNIT_COLUMNS,
    ACTION_UNIT_SLICE,
    ACTION_UNITS,
    AFFECT_COLUMNS,
    EXPRESSION_SLICE,
    EXPRESSIONS,
)
from mien.runtime.models import AffectModel
from mien.synthetic.faces.behaviour.stills import draw_moment
from mien.synthetic.faces.rendering.studio import Studio
from mien.training.extractor import spoil
from mien.training.extractor.augment import sample_crops

APART = 0.10
"""Distance of the inner lips over that of the eyes from which a mesh calls them apart."""
AUDIT_PEOPLE = 20
TALKERS = 60


def r(x, y) -> float:
    known = np.isfinite(x) & np.isfinite(y)
    return float(np.corrcoef(x[known], y[known])[0, 1]) if known.sum() > 2 else float("nan")


def f1(truth, said) -> float:
    return float(2 * (truth & said).sum() / max(1, truth.sum() + said.sum()))


def interval(correct: np.ndarray) -> list[float]:
    """95 % interval of a share, by 2,000 resamples of its faces."""
    rng = np.random.default_rng(0)
    means = [rng.choice(correct, len(correct)).mean() for _ in range(2000)] if len(correct) else []
    return [round(float(v), 3) for v in np.percentile(means, [2.5, 97.5])] if means else []


def over_groups(groups: np.ndarray, score: Callable[[np.ndarray], float]) -> list[float]:
    """95 % interval of a score of rows, by 1,000 resamples of the groups that they belong to."""
    rng = np.random.default_rng(0)
    order = np.argsort(groups, kind="stable")
    members = np.split(
        order, np.flatnonzero(np.diff(np.unique(groups, return_inverse=True)[1][order])) + 1
    )
    drawn = [
        score(np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))]))
        for _ in range(1000)
    ]
    return [round(float(v), 3) for v in np.nanpercentile(drawn, [2.5, 97.5])]


def mean_recall(truth: np.ndarray, said: np.ndarray, classes: list[int]) -> float:
    """Over these classes, of those that are there."""
    there = [k for k in classes if (truth == k).any()]
    return float(np.mean([(said[truth == k] == k).mean() for k in there]))


class Measured:
    """The sets, what the extractor says of them, and the figures of halves B."""

    def __init__(self, data: Path, runs: Path, model: Path) -> None:
        self.data, self.runs, self.model = data, runs, model
        self.extractor = AffectModel(model)
        self.sets = load(data, runs / "data", runs / "mesh", runs / "cache")
        self.read = {name: s.read(self.extractor) for name, s in self.sets.items()}
        self.half = {name: ~s.half_a for name, s in self.sets.items()}
        self.levels = self.extractor.au_decisions

    def said(self, name: str) -> np.ndarray:
        return self.read[name].affect[self.half[name], EXPRESSION_SLICE].argmax(axis=1)

    def truth(self, name: str) -> np.ndarray:
        return self.sets[name].majority[self.half[name]]

    def units(self, name: str) -> np.ndarray:
        return self.read[name].affect[self.half[name], ACTION_UNIT_SLICE]

    def expressions(self) -> dict:
        found = {}
        for name in ("ferplus", "muxspace", "synthetic", "captions", "london"):
            truth, said = self.truth(name), self.said(name)
            confusion = Confusion(len(EXPRESSIONS))
            confusion.update(truth, said)
            confidence = self.read[name].affect[self.half[name], EXPRESSION_SLICE].max(axis=1)
            known = truth >= 0
            least = 1 if name == "london" else 5
            groups = self.sets[name].groups[self.half[name]][known]
            seen, told = truth[known], said[known]
            classes = [k for k in np.unique(seen) if (seen == k).sum() >= least]
            found[name] = {
                "n": int(known.sum()),
                "accuracy": float((said == truth)[known].mean()),
                "accuracy_interval": over_groups(
                    groups, lambda rows, a=told, b=seen: float((a[rows] == b[rows]).mean())
                ),
                "balanced_accuracy": balanced(truth, said, least=least),
                "balanced_accuracy_interval": over_groups(
                    groups,
                    lambda rows, a=told, b=seen, c=classes: mean_recall(b[rows], a[rows], c),
                ),
                "macro_f1": confusion.macro_f1(),
                "recall": dict(zip(EXPRESSIONS, map(float, confusion.recall()), strict=True)),
                "ece": calibration_error(confidence[known], (said == truth)[known]),
                "confusion": confusion.matrix.tolist(),
            }
        second = self.sets["ferplus"].second[self.half["ferplus"]]
        known = second >= 0
        said = self.said("ferplus")
        found["fer2013"] = {
            "n": int(known.sum()),
            "accuracy": float((said == second)[known].mean()),
            "balanced_accuracy": balanced(second, said),
        }
        rows = np.array([(row["gender"], row["expression"]) for row in self.sets["london"].rows])[
            self.half["london"]
        ]
        right = self.said("london") == self.truth("london")
        found["london"]["smiles"] = float(right[rows[:, 1] == "happiness"].mean())
        found["london"]["neutral"] = float(right[rows[:, 1] == "neutral"].mean())
        found["london"]["by_gender"] = {
            g: float(right[(rows[:, 0] == g)].mean()) for g in np.unique(rows[:, 0])
        }
        every = self.read["london"].affect[:, EXPRESSION_SLICE].argmax(axis=1)
        both = every == self.sets["london"].majority
        smiling = np.array([row["expression"] == "happiness" for row in self.sets["london"].rows])
        found["london both halves"] = {
            "smiles": float(both[smiling].mean()),
            "neutral": float(both[~smiling].mean()),
            "smiles_by_gender": {
                g: float(
                    both[
                        smiling & np.array([row["gender"] == g for row in self.sets["london"].rows])
                    ].mean()
                )
                for g in np.unique(rows[:, 0])
            },
        }
        return found

    def panel(self) -> dict:
        panel = self.sets["panel"].panel
        truth = panel.truth[self.half["panel"]]
        whole = panel.truth
        scores = panel_scores(truth, self.units("panel"), self.levels)
        counted = np.nansum(whole, axis=0) >= LEAST_POSITIVES
        smiling = truth[:, ACTION_UNITS.index(12)] == 1
        cheeks = truth[:, ACTION_UNITS.index(6)]
        known = smiling & np.isfinite(cheeks)
        every = whole[:, ACTION_UNITS.index(12)] == 1
        every &= np.isfinite(whole[:, ACTION_UNITS.index(6)])
        cheek_p = self.read["panel"].affect[:, ACTION_UNIT_SLICE][:, ACTION_UNITS.index(6)]
        return {
            "units": [f"AU{u:02d}" for u, c in zip(ACTION_UNITS, counted, strict=True) if c],
            "mean_f1": float(np.nanmean(scores["f1"][counted])),
            "mean_f1_interval": over_groups(
                np.arange(len(truth)),
                lambda rows: float(
                    np.nanmean(
                        panel_scores(truth[rows], self.units("panel")[rows], self.levels)["f1"][
                            counted
                        ]
                    )
                ),
            ),
            "mean_best_f1": float(np.nanmean(scores["best_f1"][counted])),
            "mean_auc": float(np.nanmean(scores["auc"][counted])),
            "au06_auc_among_au12": area_under_curve(
                cheeks[known] == 1, self.units("panel")[known][:, ACTION_UNITS.index(6)]
            ),
            "au06_auc_among_au12, both halves": area_under_curve(
                whole[every, ACTION_UNITS.index(6)] == 1, cheek_p[every]
            ),
            "by_unit": {
                f"AU{u:02d}": {k: float(v[i]) for k, v in scores.items()}
                | {"kappa_three_states": cohen_kappa(*panel.coders[:, :, i])}
                for i, u in enumerate(ACTION_UNITS)
            },
        }

    def unit_figures(self) -> dict:
        found = {}
        for name in ("ferplus", "muxspace", "synthetic"):
            faces = self.sets[name].faces.select(self.half[name])
            p = self.units(name)
            by_r = [r(p[:, i], faces.teacher_scores[:, i]) for i in range(17)]
            known = np.isfinite(faces.action_units)
            by_f1 = [
                f1(faces.action_units[known[:, i], i] >= 0.5, p[known[:, i], i] >= self.levels[i])
                if known[:, i].any() and (faces.action_units[known[:, i], i] >= 0.5).any()
                else np.nan
                for i in range(17)
            ]
            intensity = self.read[name].details.au_intensity[self.half[name]]
            by_i = [r(intensity[:, i], faces.intensities[:, i]) for i in range(17)]
            found[name] = {
                "mean_r": float(np.nanmean(by_r)),
                "mean_f1": float(np.nanmean(by_f1)),
                "intensity_mean_r": float(np.nanmean(by_i)),
                "r": dict(zip(ACTION_UNIT_COLUMNS, by_r, strict=True)),
                "f1": dict(zip(ACTION_UNIT_COLUMNS, by_f1, strict=True)),
                "intensity_r": dict(zip(ACTION_UNIT_COLUMNS, by_i, strict=True)),
            }
            if faces.valence_arousal is not None and np.isfinite(faces.valence_arousal).any():
                va = self.read[name].affect[self.half[name], :2]
                ok = np.isfinite(faces.valence_arousal).all(axis=1)
                found[name]["ccc"] = [
                    concordance(va[ok, k], faces.valence_arousal[ok, k]) for k in (0, 1)
                ]
        mux = self.sets["muxspace"].faces
        mesh = load_mesh(self.runs / "mesh" / "mesh-muxspace.npz", _names(self.data))
        row = {n: i for i, n in enumerate(_names(self.data))}
        at = np.array([row[n] for n in mux.names])[self.half["muxspace"]]
        active = self.units("muxspace") >= self.levels
        smile = (self.truth("muxspace") == 4) & (
            self.units("muxspace")[:, ACTION_UNITS.index(12)] > 0.8
        )
        resting = self.truth("muxspace") == 0
        apart = mesh.lip_gap[at] >= APART
        found["au06_on_smiles"] = float(active[smile, ACTION_UNITS.index(6)].mean())
        found["au06_on_resting"] = float(active[resting, ACTION_UNITS.index(6)].mean())
        found["au25_where_lips_apart, muxspace"] = float(
            active[apart, ACTION_UNITS.index(25)].mean()
        )
        found["au25_where_lips_shut, muxspace"] = float(
            active[mesh.lip_gap[at] < 0.04, ACTION_UNITS.index(25)].mean()
        )
        return found

    def channels(self) -> dict:
        found = {}
        for name in ("synthetic", "ferplus", "muxspace"):
            half = self.half[name]
            faces, said = self.sets[name].faces.select(half), self.read[name].details
            pose = seen_pose(faces)
            found[name] = {
                "pose_error_deg": np.nanmean(np.abs(said.pose_deg[half] - pose), axis=0).tolist(),
                "pose_r": [r(said.pose_deg[half][:, k], pose[:, k]) for k in range(3)],
                "eye_r": r(said.eye_open[half].mean(axis=1), faces.eye_open.mean(axis=1)),
                "gaze_error_deg": np.nanmean(
                    np.abs(said.gaze_deg[half] - faces.gaze_deg), axis=0
                ).tolist(),
                "gaze_r": [r(said.gaze_deg[half][:, k], faces.gaze_deg[:, k]) for k in range(2)],
            }
        return found

    def quality(self) -> dict:
        level = self.extractor.quality_level
        generator = torch.Generator().manual_seed(5)
        whole, bad = [], {}
        for name in ("ferplus", "muxspace", "captions", "synthetic"):
            s = self.sets[name]
            half = self.half[name]
            whole.append(self.read[name].details.quality[half])
            crops = torch.from_numpy(s.crops[half][:, :, :, 0])[:, None].float() / 255
            to_image = torch.eye(2, 3).expand(len(crops), 2, 3)
            for number, kind in enumerate(spoil.KINDS):
                kinds = torch.full((len(crops),), number)
                views = spoil.moved_views(to_image, kinds, generator)
                spoiled = spoil.changed_pictures(sample_crops(crops, views, 112), kinds, generator)
                shown = (spoiled[:, 0] * 255).round().byte().numpy()
                read = read_crops(self.extractor, np.repeat(shown[..., None], 3, axis=3)[:250])
                bad.setdefault(kind, []).append(read.details.quality)
        good = np.concatenate(whole)
        every = np.concatenate([np.concatenate(v) for v in bad.values()])
        return {
            "level": level,
            "auc": area_under_curve(
                np.r_[np.ones(len(good)), np.zeros(len(every))], np.r_[good, every]
            ),
            "above_level": float((good >= level).mean()),
            "above_level_by_set": {
                n: float((self.read[n].details.quality[self.half[n]] >= level).mean())
                for n in self.sets
            },
            "auc_by_kind": {
                kind: area_under_curve(
                    np.r_[np.ones(len(good)), np.zeros(sum(map(len, v)))],
                    np.r_[good, np.concatenate(v)],
                )
                for kind, v in bad.items()
            },
        }

    def darkness(self) -> dict:
        found = {}
        for name in ("ferplus", "captions", "london"):
            s, half = self.sets[name], self.half[name]
            dark = (s.crops[half].astype(np.float32) / 3).round().astype(np.uint8)
            said = read_crops(self.extractor, dark).affect[:, EXPRESSION_SLICE].argmax(axis=1)
            found[name] = {
                "balanced_accuracy": balanced(self.truth(name), said),
                "before": balanced(self.truth(name), self.said(name)),
            }
        return found

    def groups(self) -> dict:
        s, half = self.sets["london"], np.ones(len(self.sets["london"].majority), bool)
        said = self.read["london"].affect[:, EXPRESSION_SLICE].argmax(axis=1)
        right = (said == s.majority)[half]
        found: dict = {"London, both halves": {}}
        ages = np.array([float(row["age"]) if row["age"].isdigit() else np.nan for row in s.rows])
        columns = {
            "gender": np.array([row["gender"] for row in s.rows]),
            "ethnicity": np.array([row["eth"] for row in s.rows]),
            "age": np.select(
                [ages < 25, ages < 35, ages >= 35],
                ["under 25", "25 to 34", "35 and over"],
                "not said",
            ),
        }
        for column, values in columns.items():
            for value in np.unique(values):
                mask = values == value
                found["London, both halves"][f"{column}: {value}"] = {
                    "faces": int(mask.sum()),
                    "right": float(right[mask].mean()),
                    "interval": interval(right[mask].astype(float)),
                }
        found["SYNTHETIC audit"] = audit(self.extractor, AUDIT_PEOPLE)
        return found

    def talking(self) -> dict:
        """The same SYNTHETIC person in the same scene, at rest and with mouth shapes of speech."""
        studio = Studio()
        changes, shifts = [], []
        for person in range(TALKERS):
            actor = studio.actor(9_000_000 + person)
            scene = studio.scene(9_100_000 + person, framing="aligned", size_px=112, light="even")
            shots = [
                studio.render(actor, scene, moment, modalities=("color",), time_s=0.0, seed=1).color
                for moment in moments(person)
            ]
            read = read_crops(self.extractor, np.stack(shots))
            rest, talk = read.affect[0], read.affect[1:]
            changes.append(np.abs(talk[:, EXPRESSION_SLICE] - rest[EXPRESSION_SLICE]))
            shifts.append(np.abs(talk[:, :2] - rest[:2]))
        change, shift = np.concatenate(changes), np.concatenate(shifts)
        return {
            "people": TALKERS,
            "mean_change_of_expression": dict(
                zip(EXPRESSIONS, map(float, change.mean(0)), strict=True)
            ),
            "mean_change_of_valence_arousal": shift.mean(0).tolist(),
        }


def moments(person: int):
    """A resting face, and three moments of it talking."""
    rng = np.random.default_rng(77_000 + person)
    rest = draw_moment(rng, frontal=True)
    still = np.zeros(17, np.float32)
    rest = replace(
        rest,
        action_units=still,
        expressions=np.eye(7, dtype=np.float32)[0],
        valence=0.0,
        arousal=0.0,
    )
    rest = replace(rest, blink=type(rest.blink)())
    yield rest
    for _ in range(3):
        mouth = still.copy()
        for unit, low, high in ((25, 0.2, 0.8), (26, 0.0, 0.7)):
            mouth[ACTION_UNITS.index(unit)] = rng.uniform(low, high)
        for unit, often, most in ((23, 0.2, 0.5), (17, 0.2, 0.5), (20, 0.25, 0.5), (10, 0.2, 0.4)):
            if rng.random() < often:
                mouth[ACTION_UNITS.index(unit)] = rng.uniform(0.1, most)
        yield replace(rest, action_units=mouth)


def seen_pose(faces) -> np.ndarray:
    """The faces' pose as their aligned crops show it."""
    usable = np.isfinite(faces.aligned).all(axis=(1, 2), keepdims=True)
    m = np.where(usable, faces.aligned, faces.framed)
    return turned_pose(faces.pose_deg, np.degrees(np.arctan2(-m[:, 0, 1], m[:, 1, 1])))


def _names(data: Path) -> np.ndarray:
    with (data / "muxspace_faces.csv").open(newline="", encoding="utf-8") as table:
        return np.array([row["file"] for row in csv.DictReader(table)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "runs", "model", "calibration", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--quick", action="store_true", help="leave out audit, speech and jitter")
    given = parser.parse_args()
    measured = Measured(given.data, given.runs, given.model)
    document = {
        "expressions": measured.expressions(),
        "panel": measured.panel(),
        "units": measured.unit_figures(),
        "channels": measured.channels(),
        "quality": measured.quality(),
        "darkened to a third": measured.darkness(),
        "calibration": json.loads(given.calibration.read_text(encoding="utf-8")),
    }
    if not given.quick:
        jitter = measure_jitter(given.data / "videos" / "pexels_portrait.mp4", given.model)
        document |= {
            "groups": measured.groups(),
            "talking, SYNTHETIC": measured.talking(),
            "jitter": {
                "source": "pexels_portrait.mp4",
                "resting_frames": jitter.raw.frames,
                "as_estimated": dict(
                    zip(AFFECT_COLUMNS, jitter.raw.deviation.tolist(), strict=True)
                ),
                "steadied": dict(
                    zip(AFFECT_COLUMNS, jitter.steady.deviation.tolist(), strict=True)
                ),
                "mean": [float(jitter.raw.deviation.mean()), float(jitter.steady.deviation.mean())],
            },
        }
    given.out.write_text(json.dumps(without_nan(document), indent=1) + "\n", encoding="utf-8")
    show(document)


def show(document: dict) -> None:
    """The bars, one a line."""
    e, p, u, c = (document[k] for k in ("expressions", "panel", "units", "channels"))
    for name, scores in e.items():
        print(
            name,
            {k: round(v, 3) for k, v in scores.items() if isinstance(v, float)},
            scores.get("by_gender") or scores.get("smiles_by_gender") or "",
        )
    print(
        "panel",
        {k: v if isinstance(v, list) else round(v, 3) for k, v in p.items() if k != "by_unit"},
    )
    print(
        "  f1",
        {
            k: (round(v["f1"], 2), round(v["best_f1"], 2), round(v["auc"], 2), int(v["positives"]))
            for k, v in p["by_unit"].items()
            if v["positives"] > 0
        },
    )
    for name in ("ferplus", "muxspace", "synthetic"):
        print(
            "units",
            name,
            {k: np.round(v, 3) for k, v in u[name].items() if not isinstance(v, dict)},
        )
    print("units", {k: round(v, 3) for k, v in u.items() if isinstance(v, float)})
    for name, scores in c.items():
        print("channels", name, {k: np.round(v, 2).tolist() for k, v in scores.items()})
    print("quality", document["quality"])
    print("dark", document["darkened to a third"])
    for key in ("talking, SYNTHETIC",):
        print(key, document.get(key))
    print("jitter", document.get("jitter", {}).get("mean"))


if __name__ == "__main__":
    main()
