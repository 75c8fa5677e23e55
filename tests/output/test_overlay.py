"""The overlay: same frames, same times, same sound, gauges where there is room."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from face_doubles import double_analyzer, make_face, texture
from mien.api import analyze
from mien.cli import cli
from mien.errors import InputError, OutputError
from mien.labels import AFFECT_COLUMNS, EXPRESSIONS
from mien.output.overlay import read_frames_table, write_overlay
from mien.output.overlay_panel import draw_faces, panel_size
from mien.output.schema import to_table
from mien.output.sinks import open_sinks
from mien.pipeline.rows import FrameRow
from mien.video import VideoReader, write_video

LEVELS = [0.5] * 17
TIMES_S = [0.0, 0.04, 0.1, 0.13, 0.2, 0.5, 0.54, 0.6]  # no constant rate
RATE = 16_000


def affect(**values):
    numbers = np.zeros(26, np.float32)
    numbers[2:9] = 1 / 7
    for name, value in values.items():
        numbers[AFFECT_COLUMNS.index(name)] = value
    return numbers


def some_rows(count=8):
    face = make_face(150, 40, 60)
    return [
        FrameRow(k, TIMES_S[k], 0 if k != 3 else None, face if k != 3 else None,
                 affect(expr_anger=0.8, au12=0.9) if k != 3 else None)
        for k in range(count)
    ]  # fmt: skip


def add_tone(path, codec, suffix, start_s=0.0, rate=RATE):
    """The same video with a second of a tone, in another container."""
    out_path = path.with_name(f"sounding{suffix}")
    with av.open(str(path)) as seen, av.open(str(out_path), mode="w") as out:
        pictures = seen.streams.video[0]
        to = out.add_stream_from_template(pictures)
        sound = out.add_stream(codec, rate=rate)
        sound.layout = "mono"
        for packet in seen.demux(pictures):
            if packet.dts is not None:
                packet.stream = to
                out.mux(packet)
        wave = (8000 * np.sin(np.arange(rate) * 2 * np.pi * 440 / rate)).astype(np.int16)
        for at in range(0, rate, 1024):
            part = np.ascontiguousarray(wave[None, at : at + 1024])
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, at + round(start_s * rate)
            frame.time_base = Fraction(1, rate)
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    return out_path


def loudness(path):
    """Times and samples of a file's sound."""
    with av.open(str(path)) as heard:
        frames = list(heard.decode(heard.streams.audio[0]))
        samples = np.concatenate([f.to_ndarray().astype(np.float64).mean(0) for f in frames])
        return float(frames[0].pts * frames[0].time_base), frames[0].sample_rate, samples


@pytest.fixture
def silent(tmp_path):
    images = [texture(k, 240, 320, low=120) for k in range(len(TIMES_S))]
    path = tmp_path / "clip.mp4"
    write_video(path, images, timestamps_s=TIMES_S)
    return path


def overlay(source, tmp_path, kind="parquet", rows=None):
    sinks = open_sinks(tmp_path, kind, (), str(source))
    for sink in sinks:
        sink.write(to_table(rows or some_rows()))
        sink.close()
    told = write_overlay(source, read_frames_table(tmp_path, kind), tmp_path, LEVELS)
    assert told == []
    return tmp_path / "overlay.mp4"


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_times_stay_and_gauges_are_drawn_where_a_face_is(silent, tmp_path, kind):
    path = overlay(silent, tmp_path, kind)
    assert path.name == "overlay.mp4"
    with VideoReader(path) as drawn, VideoReader(silent) as plain:
        for k, (one, other) in enumerate(zip(drawn, plain, strict=True)):
            assert one.timestamp_s == pytest.approx(TIMES_S[k], abs=1e-4)
            change = np.abs(one.image.astype(int) - other.image).mean(axis=2)
            panel = change[40:200, 10:140]
            assert (panel.mean() > 20) == (k != 3), k
            assert change[205:].mean() < 12  # the rest is the video, once more encoded
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize(
    ("codec", "suffix", "rate"),
    [
        ("aac", ".mp4", RATE),
        ("pcm_s16le", ".mov", RATE),
        ("flac", ".mkv", RATE),
        ("pcm_u8", ".mkv", RATE),  # a layout without a name
        ("pcm_s16le", ".mkv", 11_024),  # a rate that AAC does not know
        ("mp3", ".mp4", RATE),
        ("mp3", ".mkv", 8_000),  # a rate that an mp4 refuses
    ],
)
def test_the_sound_stays(silent, tmp_path, codec, suffix, rate):
    sounding = add_tone(silent, codec, suffix, rate=rate)
    path = overlay(sounding, tmp_path)
    start, rate, _ = loudness(sounding)
    new_start, new_rate, new_samples = loudness(path)
    assert rate <= new_rate < 1.1 * rate
    rate = new_rate
    assert new_start == pytest.approx(start, abs=0.07)  # an encoder's frame
    assert len(new_samples) / new_rate == pytest.approx(1, abs=0.3)
    middle = new_samples[rate // 4 : 3 * rate // 4]
    spectrum = np.abs(np.fft.rfft(middle))
    assert spectrum.argmax() * rate / len(middle) == pytest.approx(440, abs=4)
    with VideoReader(path) as drawn:
        assert [f.timestamp_s for f in drawn] == pytest.approx(TIMES_S, abs=1e-3)


def test_sound_that_starts_later_starts_later(silent, tmp_path):
    sounding = add_tone(silent, "aac", ".mp4", start_s=0.4)
    start, _, _ = loudness(sounding)
    assert start == pytest.approx(0.4, abs=0.1)
    new_start, _, _ = loudness(overlay(sounding, tmp_path))
    assert new_start == pytest.approx(start, abs=0.01)


def test_damaged_sound_costs_no_pictures(silent, tmp_path):
    sounding = add_tone(silent, "flac", ".mkv")
    with av.open(str(sounding)) as heard:
        blocks = [p for p in heard.demux(heard.streams.audio[0]) if p.size and p.pos is not None]
        inside = [(p.pos + 32, p.pos + p.size) for p in blocks[len(blocks) // 2 :]]
    data = bytearray(sounding.read_bytes())
    for start, end in inside:  # of the sound alone: pictures and their times are whole
        for at in range(start, end, 97):
            data[at] ^= 0xFF
    sounding.write_bytes(data)
    sinks = open_sinks(tmp_path, "csv", (), str(sounding))
    with VideoReader(sounding) as reader:
        times = [frame.timestamp_s for frame in reader]
    assert times == pytest.approx(TIMES_S, abs=1e-3)
    for sink in sinks:
        sink.write(to_table([FrameRow(k, time_s) for k, time_s in enumerate(times)]))
        sink.close()
    write_overlay(sounding, read_frames_table(tmp_path, "csv"), tmp_path, LEVELS)
    with VideoReader(tmp_path / "overlay.mp4") as drawn:
        assert len(list(drawn)) == len(times)


def test_sound_that_cannot_be_kept_is_said(silent, tmp_path, monkeypatch):
    sounding = add_tone(silent, "aac", ".mp4")
    monkeypatch.setattr("mien.video.audio._pick_track", lambda heard: None)
    batches = to_table(some_rows()).to_batches()
    told = write_overlay(sounding, batches, tmp_path, LEVELS)
    assert told == ["overlay.mp4 is without sound: its codec is unknown"]
    with VideoReader(tmp_path / "overlay.mp4") as drawn:
        assert len(list(drawn)) == len(TIMES_S)
    monkeypatch.undo()

    def broken(*_):
        raise OSError(22, "Invalid\nargument")
        yield

    monkeypatch.setattr("mien.video.audio._copied", broken)
    assert write_overlay(sounding, batches, tmp_path, LEVELS) == []  # encoded instead
    monkeypatch.setattr("mien.video.audio._encoded", broken)
    told = write_overlay(sounding, batches, tmp_path, LEVELS)
    assert told == ["overlay.mp4 is without sound: Invalid argument"]
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_name_with_a_colon_is_a_name(silent, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sounding = add_tone(silent, "aac", ".mp4").rename("10:30.mp4")
    out = tmp_path / "20:15"
    out.mkdir()
    assert write_overlay("10:30.mp4", to_table(some_rows()).to_batches(), out, LEVELS) == []
    assert loudness(f"file:{sounding}")[1] == loudness(out / "overlay.mp4")[1]


@pytest.mark.parametrize(
    ("keep", "said"),
    [(lambda k: k != 2, "at frame 2, the table at 3"), (lambda k: k < 5, "the table at its end")],
)
def test_a_table_of_another_video_is_noticed(silent, tmp_path, keep, said):
    rows = [row for row in some_rows() if keep(row.frame)]
    with pytest.raises(OutputError, match=said):
        overlay(silent, tmp_path, rows=rows)
    assert not (tmp_path / "overlay.mp4").exists()


def test_a_table_that_goes_on_is_noticed(silent, tmp_path):
    rows = [*some_rows(), FrameRow(8, 0.7)]
    with pytest.raises(OutputError, match="more frames than the video"):
        overlay(silent, tmp_path, rows=rows)
    assert not (tmp_path / "overlay.mp4").exists()


def test_the_gauges_say_what_the_row_says():
    row = to_table(some_rows(1)).to_pylist()[0]
    canvas = np.full((240, 320, 3), 128, np.uint8)
    draw_faces(canvas, [row], 1.0, LEVELS)
    wide, high = panel_size(canvas)
    assert wide <= 0.45 * 320 and high <= 240

    def orange(picture):  # anger's color
        near = np.abs(picture.astype(int) - (232, 118, 43)).sum(axis=2) < 40
        return int(near[:, :145].sum())

    weaker = row | {"expr_anger": 0.4, **{f"expr_{name}": 0.1 for name in EXPRESSIONS[2:]}}
    other = np.full((240, 320, 3), 128, np.uint8)
    draw_faces(other, [weaker], 1.0, LEVELS)
    assert orange(canvas) == pytest.approx(2 * orange(other), rel=0.2)
    silent_unit = canvas.copy()
    draw_faces(silent_unit, [row], 1.0, [0.95] * 17)
    assert not np.array_equal(silent_unit, canvas)  # no unit reaches 0.95


def test_gauges_hide_no_other_face():
    row = to_table(some_rows(1)).to_pylist()[0]
    near = row | {"box_x": 30.0, "box_y": 60.0, "face_id": 1}  # where the first one's would be
    canvas = np.full((240, 320, 3), 128, np.uint8)
    draw_faces(canvas, [row, near], 1.0, LEVELS)
    inside = canvas[66:95, 36:85]  # below the line of words of its own
    assert np.array_equal(inside, np.full_like(inside, 128))
    inside = canvas[46:95, 156:205]
    assert np.array_equal(inside, np.full_like(inside, 128))


@pytest.mark.parametrize("size", [(24, 16), (64, 48), (200, 40), (4000, 100)])
def test_any_size_of_picture_and_face_can_be_drawn(size):
    wide, high = size
    row = to_table(some_rows(1)).to_pylist()[0]
    for x, y, w in ((-20, -20, 30), (0, 0, wide), (wide - 5, high - 5, 40)):
        canvas = np.zeros((high, wide, 3), np.uint8)
        draw_faces(canvas, [row | {"box_x": x, "box_y": y, "box_w": w, "box_h": w}], 1.0, LEVELS)
        assert canvas.shape == (high, wide, 3) and canvas.any()
    unknown = row | {name: float("nan") for name in AFFECT_COLUMNS}
    draw_faces(np.zeros((high, wide, 3), np.uint8), [unknown], 1.0, LEVELS)


def test_the_command_and_save_write_it(tmp_path, monkeypatch):
    images = [texture(k, 120, 160) for k in range(5)]
    clip = tmp_path / "in.mp4"
    write_video(clip, images, fps=25)
    picture = tmp_path / "in.png"
    cv2.imwrite(str(picture), images[0])
    analyzer = double_analyzer(lambda call: [make_face(40, 30, 50)])
    result = analyze(clip, analyzer=analyzer)
    folder = result.save(tmp_path / "saved", overlay=True)
    assert (folder / "overlay.mp4").is_file()
    write_video(clip, images[:3], fps=25)
    with pytest.raises(InputError, match="has changed since it was analysed"):
        result.save(tmp_path / "late", overlay=True)
    assert not (tmp_path / "late").exists()
    folder = analyze(picture, analyzer=analyzer).save(tmp_path / "still", overlay=True)
    drawn = cv2.imread(str(folder / "overlay.png"))
    assert drawn.shape == (120, 160, 3) and not np.array_equal(drawn, images[0])
    monkeypatch.setattr("mien.jobs.run.Analyzer", lambda options: analyzer)
    result = CliRunner().invoke(
        cli, ["analyze", str(clip), "--out", str(tmp_path / "out"), "--overlay"],
        catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == 0
    assert (tmp_path / "out" / "in" / "overlay.mp4").is_file()
