"""Training of the extractor on several corpora with partial labels at once.

``config``: what a recipe may say; ``feed``: batches of one corpus; ``spoil``: crops that are no
whole faces, from which quality is learned; ``train``: the training itself.
"""

from mien.training.extractor.config import CorpusConfig, MMATrainConfig, OptimizerConfig
from mien.training.extractor.feed import CorpusFeed, evaluation_crops, join, make_feeds
from mien.training.extractor.train import load_weights, predict, train_mma

__all__ = [
    "CorpusConfig",
    "CorpusFeed",
    "MMATrainConfig",
    "OptimizerConfig",
    "evaluation_crops",
    "join",
    "load_weights",
    "make_feeds",
    "predict",
    "train_mma",
]
