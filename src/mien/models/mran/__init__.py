"""MRAN: valence and arousal of every frame of a clip from color, depth and thermal.

Source: Lee, Kim, Kim, Sohn, *Multi-Modal Recurrent Attention Networks for Facial Expression
Recognition*, IEEE TIP 29, 2020. The four sub-networks and their roles are the paper's: spatial
`encoders`, temporal `decoders` (ConvLSTM for depth and thermal, GA-LSTM for color), `attention`
inference, and `recognition` on attention-boosted color features. Sizes, residual paths, masks and
modality dropout are ours; each file says which is which.
"""

from mien.models.mran.config import RECURRENCES, MRANConfig
from mien.models.mran.network import MRAN, MRANOutput

__all__ = ["MRAN", "RECURRENCES", "MRANConfig", "MRANOutput"]
