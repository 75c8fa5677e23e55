"""How well action units of SYNTHETIC faces can be read from landmarks alone, at what precision.

usage: python benchmarks/units_from_landmarks.py SET [SET ...] [--noise PX ...] [--model FILE.onnx]

Sets are folders of `mien synthesize images --framing aligned`. A small network learns from the
training people of all sets and is tested on the test people of the first. It reads the shape of the
face alone (26 landmarks, brought to the same place and size) with normal noise of so many pixels on
each coordinate, in training as in test. Printed: mean over the 17 units of Pearson's r with the
intensity, and of F1, at levels chosen for each unit on the validation people of the first set. With
--model the extractor reads the pictures of the same people, by light, pose and resolution, at
levels chosen in the same way.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from torch import nn

from mien.datasets import load_synthetic
from mien.datasets.synthetic import ACTIVE, INACTIVE, PRESENT
from mien.evaluation.mma import predict_faces
from mien.inference.models import AffectModel
from mien.labels import ACTION_UNIT_COLUMNS, ACTION_UNIT_SLICE, FACE_LANDMARKS

PLACES = [f"lm_{n}_{a}" for n in FACE_LANDMARKS for a in "xy"]
EPOCHS, BATCH = 30, 256


def shapes(table, noise_px: float, rng: np.random.Generator) -> torch.Tensor:
    places = np.stack([table[name] for name in PLACES], 1).astype(np.float64)
    places = (places + rng.normal(size=places.shape) * noise_px).reshape(len(places), -1, 2)
    centred = places - places.mean(1, keepdims=True)
    size = np.sqrt((centred**2).sum((1, 2), keepdims=True))
    return torch.tensor((centred / size).reshape(len(places), -1)).float()


def read(train: torch.Tensor, units: np.ndarray, test: torch.Tensor) -> np.ndarray:
    """Probabilities of the units of test faces from a network of two hidden layers."""
    torch.manual_seed(0)
    middle, spread = train.mean(0), train.std(0) + 1e-6
    train, test = (train - middle) / spread, (test - middle) / spread
    wanted = torch.tensor(np.clip((units - INACTIVE) / (ACTIVE - INACTIVE), 0, 1)).float()
    layers: list[nn.Module] = []
    for width in (train.shape[1], 512):
        layers += [nn.Linear(width, 512), nn.ReLU(), nn.Dropout(0.2)]
    network = nn.Sequential(*layers, nn.Linear(512, units.shape[1]))
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    steps = EPOCHS * (len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(train))
        for rows in order[: len(order) // BATCH * BATCH].view(-1, BATCH):
            said = network(train[rows])
            loss = nn.functional.binary_cross_entropy_with_logits(said, wanted[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        return network.eval()(test).sigmoid().numpy()


def best_levels(said: np.ndarray, present: np.ndarray) -> np.ndarray:
    """For each unit the level with the best F1."""
    levels = []
    for unit in range(said.shape[1]):
        choices = np.unique(np.quantile(said[:, unit], np.linspace(0, 1, 101)))
        scores = [f1(said[:, unit] >= level, present[:, unit]) for level in choices]
        levels.append(choices[int(np.argmax(scores))])
    return np.array(levels)


def f1(active: np.ndarray, present: np.ndarray) -> float:
    return float(2 * (active & present).sum() / max(1, active.sum() + present.sum()))


def row(name: str, said: np.ndarray, truth: np.ndarray, levels: np.ndarray) -> None:
    units = range(truth.shape[1])
    scores = [f1(said[:, k] >= levels[k], truth[:, k] >= PRESENT) for k in units]
    r = np.mean([np.corrcoef(said[:, k], truth[:, k])[0, 1] for k in units])
    print(f"{name:42s} n {len(truth):4d}   r {r:.3f}   F1 {np.mean(scores):.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--noise", type=float, nargs="*", default=[0.0, 0.3, 0.6, 1.0, 1.5])
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    tables = [pq.read_table(folder / "manifest.parquet").to_pandas() for folder in args.sets]
    columns = list(ACTION_UNIT_COLUMNS)
    held_out = {split: tables[0][tables[0].split == split] for split in ("valid", "test")}
    truth = {split: table[columns].to_numpy(np.float64) for split, table in held_out.items()}
    learned = [table[table.split == "train"] for table in tables]
    units = np.concatenate([table[columns].to_numpy(np.float64) for table in learned])
    for noise_px in args.noise:
        rng = np.random.default_rng(0)
        train = torch.cat([shapes(table, noise_px, rng) for table in learned])
        both = pd.concat(held_out.values())
        said = read(train, units, shapes(both, noise_px, rng))
        valid, test = said[: len(truth["valid"])], said[len(truth["valid"]) :]
        levels = best_levels(valid, truth["valid"] >= PRESENT)
        row(f"landmarks with noise of {noise_px} px", test, truth["test"], levels)
    if args.model is None:
        return
    model = AffectModel(args.model)
    faces = {split: load_synthetic(args.sets[0], split) for split in held_out}
    seen = {split: held_out[split].set_index("color").loc[f.names] for split, f in faces.items()}
    said_of = {k: predict_faces(model, f)[:, ACTION_UNIT_SLICE] for k, f in faces.items()}
    present = seen["valid"][columns].to_numpy(np.float64) >= PRESENT
    levels = best_levels(said_of["valid"], present)
    pictures = seen["test"]
    frontal = (pictures.pose_yaw_deg.abs() < 15) & (pictures.pose_pitch_deg.abs() < 12)
    lit, sharp = pictures.scene_light.isin(["even", "soft"]), pictures.scene_low_px == 0
    for name, these in {
        "the extractor, all pictures": sharp | ~sharp,
        "in even or soft light": lit,
        "frontal": frontal,
        "not made coarse": sharp,
        "even or soft light, frontal, not coarse": lit & frontal & sharp,
    }.items():
        rows = these.to_numpy()
        intensity = pictures[columns].to_numpy(np.float64)[rows]
        row(name, said_of["test"][rows], intensity, levels)


if __name__ == "__main__":
    main()
