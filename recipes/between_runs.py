"""Scores of an extractor run on its validation faces: alone, over views, mixed with another run.

usage: python recipes/between_runs.py DATA CACHE RUN [--views] [--toward OTHER_RUN SHARE...]

--views averages logits over a face as aligned, mirrored, rescaled and shifted (eight views).
--toward takes (1 - SHARE) of RUN's weights and SHARE of the other's, which must have started from
it; an unfinished OTHER_RUN stands with the averaged weights of its last checkpoint.
"""

import argparse
import json
from pathlib import Path

import torch

from mien.evaluation.affect import affect_report
from mien.models.blocks.stems import wide_stem
from mien.models.mma import MMAOutput, build_mma
from mien.training.augment import compose, sample_crops, similarities
from mien.training.checkpoint import load_checkpoint, without_prefix
from mien.training.config import from_dict
from mien.training.corpora import load_corpora
from mien.training.mma import MMATrainConfig

FIGURES = ("accuracy", "macro_f1", "au_mean_correlation")


def weights(run: Path) -> dict[str, torch.Tensor]:
    if (run / "model.safetensors").is_file():
        return load_checkpoint(run / "model.safetensors")[0]
    return without_prefix("average", load_checkpoint(run / "checkpoint.safetensors")[0])


def views(several: bool) -> torch.Tensor:
    """Crop-to-crop maps (v, 2, 3)."""
    if not several:
        return similarities(torch.ones(1), torch.ones(1))
    scale = torch.tensor([1.0, 0.94, 1.06, 1.0]).repeat(2)
    mirror = torch.tensor([1.0, -1.0]).repeat_interleave(4)
    shift_px = torch.zeros(8, 2)
    shift_px[3::4, 1] = 2.5
    return similarities(scale, mirror, None, shift_px)


@torch.no_grad()
def predict(model, faces, side_px: int, maps: torch.Tensor):
    aligned, framed = torch.from_numpy(faces.aligned), torch.from_numpy(faces.framed)
    usable = torch.isfinite(aligned).all(dim=(1, 2))[:, None, None]
    to_image = torch.where(usable, aligned, framed)
    found = []
    for start in range(0, len(faces), 256):
        part = slice(start, start + 256)
        images = torch.from_numpy(faces.images[part, None]).float() / 255
        raw = []
        for one in maps:
            place = compose(to_image[part], one.expand(len(images), 2, 3))
            crops = (sample_crops(images, place, side_px) * 2 - 1).expand(-1, 3, -1, -1)
            raw.append(model(crops.contiguous(memory_format=torch.channels_last)))
        found.append(MMAOutput(*(torch.stack(head).mean(0) for head in zip(*raw, strict=True))))
    return torch.cat([output.affect() for output in found]).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--views", action="store_true")
    parser.add_argument("--toward", nargs="+", default=[], metavar="RUN SHARE")
    arguments = parser.parse_args()
    stored = json.loads((arguments.run / "config.json").read_text(encoding="utf-8"))
    config = from_dict(MMATrainConfig, stored, "config")
    corpora = load_corpora(config, arguments.data, arguments.cache)
    held_out = {n: f.select((f.split == "valid") & f.counted) for n, f in corpora.items()}
    own = weights(arguments.run)
    mixes = {"run": own}
    if arguments.toward:
        other = weights(Path(arguments.toward[0]))
        if config.model.get("stem") == "wide":
            other = wide_stem(other)
        for share in map(float, arguments.toward[1:]):
            mixes[f"{share} toward"] = {
                name: value.lerp(other[name], share) if value.is_floating_point() else value
                for name, value in own.items()
            }
    model = build_mma(config.preset, **config.model).eval()
    model = model.to(memory_format=torch.channels_last)
    maps = views(arguments.views)
    for mix, tensors in mixes.items():
        model.load_state_dict(tensors)
        for name, faces in held_out.items():
            affect = predict(model, faces, model.config.full_px, maps)
            report = affect_report(affect, faces)
            print(mix, name, " ".join(f"{key} {report[key]:.3f}" for key in FIGURES), flush=True)


if __name__ == "__main__":
    main()
