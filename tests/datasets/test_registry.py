from __future__ import annotations

import subprocess
import sys

import pytest

from mien.data.corpora.crema_d import OUTPUTS
from mien.data.registry import KINDS, corpora, corpus_info, describe_corpus
from mien.errors import ConfigError

NAMES = [
    "afew-va", "aff-wild2", "affectnet", "affectnet-npy", "bp4d", "crema-d", "disfa", "disfa-plus",
    "emotionet", "expression-folders", "ferplus",
    "hume-reaction", "mavfer", "muxspace", "raf-db", "recola", "s-aff-wild2", "sewa", "sfhq",
    "synthetic",
    "synthetic-trimodal",
]  # fmt: skip


def test_the_corpora_and_what_is_known_of_them() -> None:
    assert list(corpora()) == NAMES
    for name, info in corpora().items():
        assert info.name == name
        assert info.kind in KINDS
        assert all((info.title, info.labels, info.access, info.terms, info.layout))
        assert all(all(vars(figure).values()) for figure in info.figures)
        assert bool(info.counts_source) or not info.counts
        text = describe_corpus(info)
        assert info.access in text and info.terms in text
        assert all(part in text for part in info.layout)
        for figure in info.figures:
            assert f"{figure.value}  {figure.system}" in text
            assert f"{figure.measure} ({figure.source})" in text


def test_published_counts_add_up() -> None:
    hume = corpus_info("hume-reaction").counts
    assert hume["train"] + hume["valid"] + hume["test"] == hume["videos"] == 25_067
    assert all(name in corpus_info("crema-d").labels for name in OUTPUTS)
    assert "0.499" in describe_corpus(corpus_info("hume-reaction"))


def test_unknown_names() -> None:
    with pytest.raises(ConfigError, match=r"no corpus 'fer': choose one of \['afew-va', 'aff-"):
        corpus_info("fer")


def test_nothing_here_needs_torch() -> None:
    code = (
        "import sys, mien.data.registry, mien.data.prepare.videos, mien.cli.datasets; "
        "mien.data.registry.corpora(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
