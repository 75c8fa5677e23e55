"""What of a video is not copied into the player as it is."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from mien.output.copying import copy_pictures
from mien.output.proxy import write_player
from mien.video.reader import VideoReader


def test_frames_of_an_avi_stand_in_their_order(tmp_path: Path) -> None:
    """AVI keeps no times: of H.264 with B-frames they are made up, in the order of the file."""
    source = tmp_path / "old.avi"
    with av.open(str(source), "w") as out:
        params = {"bf": "2", "crf": "28", "x264-params": "bframes=2:keyint=25:b-adapt=0"}
        stream = out.add_stream("libx264", rate=25, options=params)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        y, x = np.mgrid[:240, :320]
        for k in range(30):
            image = np.stack([x + 3 * k, y + 5 * k, x + y + k], -1) % 256
            frame = av.VideoFrame.from_ndarray(image.astype(np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        assert stream.codec_context.has_b_frames
    with VideoReader(source) as reader:
        shown = [frame.image for frame in reader]
    with VideoReader(source) as reader:
        assert not copy_pictures(reader, next(reader), len(shown), 480, tmp_path / "copy.mp4")
    write_player(source, tmp_path, len(shown))
    with VideoReader(tmp_path / "player.mp4") as reader:
        copied = [frame.image for frame in reader]
    nearest = [
        int(np.argmin([np.abs(one.astype(int) - other).mean() for other in shown]))
        for one in copied
    ]
    assert nearest == list(range(30))
