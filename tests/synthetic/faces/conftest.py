"""The head, once per session: a fraction of a second, or a minute where nothing is cached yet."""

import pytest

from mien.synthetic.faces import HeadModel, Person, draw_identity, mean_identity


@pytest.fixture(scope="session")
def head() -> HeadModel:
    pytest.importorskip("anny", reason="needs the extra `synthetic`", exc_type=ImportError)
    return HeadModel()


@pytest.fixture(scope="session")
def people(head: HeadModel) -> list[Person]:
    """The mean head and five drawn ones."""
    drawn = [draw_identity(head.basis, seed) for seed in (0, 3, 5, 7, 11)]
    return [head.person(identity) for identity in (mean_identity(), *drawn)]
