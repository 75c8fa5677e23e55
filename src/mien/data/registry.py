"""What mien knows of each corpus: how to get it, its terms, layout, counts and published figures.

Figures are quotations with their sources, to be printed beside one's own results; none of them was
measured with mien.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mien.errors import ConfigError

KINDS = {
    "videos": "videos with one label vector each",
    "annotations": "images or frames with partial labels",
    "streams": "recordings with traces of valence and arousal",
    "faces": "faces, used as they are",
    "tables": "faces and labels in tables, joined once",
}
"""Kinds of corpora, in words."""


@dataclass(frozen=True)
class Figure:
    """A published number: what was measured (with the split), of whom, the number, who says so."""

    measure: str
    system: str
    value: str
    source: str


@dataclass(frozen=True)
class CorpusInfo:
    """One corpus.

    Attributes
    ----------
    name
        What commands call it.
    title, labels
        Its own name, and what is annotated.
    kind
        ``"videos"`` (video-level labels), ``"annotations"`` (labels of images or frames),
        ``"streams"`` (traces, one or several cameras), ``"tables"`` (faces and labels that are
        joined into one file) or ``"faces"`` (read by ``mien train mma`` and ``mien evaluate mma``
        as it is).
    access, terms, layout
        How to get it, what its owners allow, and what a folder of it must hold.
    counts
        Published sizes, by the names that `VideoCorpus.counts` and `ImageCorpus.counts` use.
    counts_source
        Where the sizes are from.
    figures
        Published results.
    """

    name: str
    title: str
    kind: str
    labels: str
    access: str
    terms: str
    layout: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict)
    counts_source: str = ""
    figures: tuple[Figure, ...] = ()

    @property
    def needs_preparation(self) -> bool:
        """Whether ``mien datasets prepare`` takes it."""
        return self.kind != "faces"


_FACERNET = "FaceRNET (Kollias et al.)"
_COLLECTED = "best published figure that the developers know of"
_HUMANS = "human ceiling, from the corpus's own ratings"
_FERPLUS = "accuracy, 8 classes, majority"
_ON_REQUEST = "on request from its owners; not redistributable"


def _hume_figures() -> tuple[Figure, ...]:
    metric = "mean Pearson's rho of the seven reactions"
    tables = {
        ("test", "Table 1"): {
            "HFUT-CVers": "0.473",
            "USTC-IAT-United": "0.438",
            "USTC-AC": "0.373",
            "NISL-2023": "0.367",
            "ViPER": "0.297",
            "FAU-Baseline": "0.2801",
            "VGGface 2-Baseline": "0.183",
            "Fusion-Baseline": "0.203",
            "FaceRNET": "0.499",
        },
        ("valid", "Table 2, affect representations fed to the RNN"): {
            "VA": "0.461",
            "EXPR": "0.476",
            "AU": "0.480",
            "VA+EXPR": "0.485",
            "VA+AU": "0.491",
            "AU+EXPR": "0.491",
            "VA+EXPR+AU": "0.494",
        },
        ("valid", "Table 3"): {
            "REC+GRU+FC(64)": "0.480",
            "REC+GRU+FC(16)": "0.485",
            "REC+GRU+FC(8)": "0.478",
            "REC+2xGRU+FC(32)": "0.492",
            "ResNet50+GRU+FC(32)": "0.465",
            "REC+LSTM+FC(32)": "0.482",
            "GRU(256)": "0.484",
            "GRU(64)": "0.488",
            "without Mask & Routing": "0.469",
            "with MSE": "0.481",
            "FaceRNET (GRU 128, FC 32)": "0.494",
        },
    }
    return tuple(
        Figure(f"{metric}, {split}", system, value, f"{_FACERNET}, {table}")
        for (split, table), values in tables.items()
        for system, value in values.items()
    )


_ALL = (
    CorpusInfo(
        name="hume-reaction",
        title="Hume-Reaction (MuSe 2022; ABAW5 Emotional Reaction Intensity)",
        kind="videos",
        labels="adoration, amusement, anxiety, disgust, empathic pain, fear, surprise in [0, 1]",
        access="from the organisers of the challenges (muse-challenge.org; the ABAW competitions)",
        terms=_ON_REQUEST,
        layout=(
            "c2_muse_reaction/labels.csv: File_ID,Adoration,Amusement,Anxiety,Disgust,"
            "Empathic-Pain,Fear,Surprise",
            "c2_muse_reaction/partition.csv (or metadata/partition.csv): id first, train, devel or "
            "test last",
            "or data_info.csv: File_ID,Split,Adoration,... with Split Train, Val or Test",
            "<id>.mp4 anywhere below the folder",
        ),
        counts={
            "videos": 25_067,
            "train": 15_806,
            "valid": 4_657,
            "test": 4_604,
            "people": 2_222,
        },
        counts_source=_FACERNET,
        figures=_hume_figures(),
    ),
    CorpusInfo(
        name="aff-wild2",
        title="Aff-Wild2",
        kind="annotations",
        labels="per frame: valence-arousal, 7 expressions and other, 12 action units",
        access="from its authors, by a licence agreement signed by a member of a university",
        terms=_ON_REQUEST,
        layout=(
            "VA_Estimation_Challenge/{Train_Set,Validation_Set}/<video>.txt",
            "EXPR_Classification_Challenge/... or EXPR_Recognition_Challenge/...",
            "AU_Detection_Challenge/...",
            "MTL_Challenge/train*.txt and val*.txt (csv: image,valence,arousal,expression,AU1,...)",
            "the above may lie in a folder with 'annot' in its name",
            "cropped_aligned/<video>/00001.jpg and so on (or cropped/...)",
        ),
        counts={"videos": 594},
        counts_source="the database's page at Queen Mary University of London: 594 videos of "
        "around 3M frames; an earlier release had 564, of which 546 with expressions, 541 with "
        "action units",
        figures=(Figure("CCC of valence and arousal", "best", "0.64", _COLLECTED),),
    ),
    CorpusInfo(
        name="affectnet",
        title="AffectNet",
        kind="annotations",
        labels="per image: valence-arousal, 8 expressions",
        access="from its authors at the University of Denver",
        terms=_ON_REQUEST,
        layout=(
            "training.csv and validation.csv, also in Manually_Annotated_file_lists/: "
            "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,"
            "expression,valence,arousal",
            "<subDirectory_filePath>, also below Manually_Annotated_Images/",
        ),
        figures=(
            Figure("accuracy, 7 classes", "best", "67.7 %", _COLLECTED),
            Figure("accuracy, 8 classes", "best", "64.1 %", _COLLECTED),
        ),
    ),
    CorpusInfo(
        name="emotionet",
        title="EmotioNet",
        kind="annotations",
        labels="per image: action units, present or not",
        access="from its authors at Ohio State University; images by their URLs",
        terms=_ON_REQUEST,
        layout=(
            "dataFile_*.txt, also one folder below: URL, a column to skip, then action units 1 to "
            "60, separated by tabs",
            "images as after /Images/ in the URLs, or anywhere below the folder by name",
        ),
    ),
    CorpusInfo(
        name="crema-d",
        title="CREMA-D",
        kind="videos",
        labels="anger, disgust, fear, happiness, neutral, sadness in [0, 1]: what the average "
        "rater of the silent face saw (votes / raters x mean level / 100)",
        access="git clone https://github.com/CheyneyComputerScience/CREMA-D with Git LFS",
        terms="Open Database License 1.0; contents: Database Contents License 1.0",
        layout=(
            "VideoFlash/<clip>.flv",
            "processedResults/tabulatedVotes.csv (rows whose first cell starts with 2: the face)",
        ),
        counts={"videos": 7_442, "people": 91},
        counts_source="Cao et al., IEEE Trans. Affective Computing 5(4), 2014",
        figures=(
            Figure("recognition from the face alone", "one rater", "57.4 %", _HUMANS),
            Figure("recognition from the face alone", "plurality", "66.3 %", _HUMANS),
        ),
    ),
    CorpusInfo(
        name="ferplus",
        title="FER+ (labels) on FER2013 (images)",
        kind="tables",
        labels="per image: ten votes over 8 expressions, unknown and no face",
        access="labels: github.com/microsoft/FERPlus; images: FER2013",
        terms="labels MIT; no open licence is stated for the images",
        layout=(
            "fer2013.csv or icml_face_data.csv (FER2013, from Kaggle): emotion,pixels,Usage",
            "fer2013new.csv (FER+): Usage,Image name,neutral,...,contempt,unknown,NF",
            "prepared: ferplus.npz with images (n, 48, 48), votes (n, 10), split, name, dup_group; "
            "what a face mesh saw, if there, in mesh-ferplus.npz beside it",
        ),
        counts={"train": 28_558, "valid": 3_579},
        counts_source="fer2013new.csv",
        figures=(
            Figure(_FERPLUS, "its authors, label drawing", "84.99 %", "Barsoum et al., ICMI 2016"),
            Figure(_FERPLUS, "best", "92.0 %", _COLLECTED),
        ),
    ),
    CorpusInfo(
        name="muxspace",
        title="muxspace/facial_expressions",
        kind="faces",
        labels="per image: one of 8 expressions",
        access="github.com/muxspace/facial_expressions, cropped to faces",
        terms="Apache-2.0 for the repository; many photographs come from sets with narrower terms",
        layout=(
            "a zip of equal square face crops and a csv with file,label,lx0,ly0..lx4,ly4,person",
            "beside it, if there: mesh-<name>.npz, what a face mesh saw",
        ),
    ),
    CorpusInfo(
        name="synthetic",
        title="Synthetic faces of mien",
        kind="faces",
        labels="per image: everything, exactly",
        access="mien synthesize images",
        terms="CC0: nobody in the pictures exists",
        layout=("the folder that mien synthesize images wrote",),
    ),
    CorpusInfo(
        name="expression-folders",
        title="Your own faces in folders named after expressions (as CK+48 and JAFFE are shared)",
        kind="annotations",
        labels="per image: one expression",
        access="yours, or from the owners of the set",
        terms="those of the set",
        layout=(
            "<expression>/... or <split>/<expression>/..., images of one cropped face each below",
            "expressions: neutral, anger, disgust, fear, happiness, sadness, surprise (or happy, "
            "angry, ...), contempt",
            "splits: train, valid, test; without them all is test",
            "'mien evaluate mma --data FOLDER' also reads it as it is; 'mien train mma' (kind "
            "images), too, if it has train and valid",
        ),
    ),
    CorpusInfo(
        name="recola",
        title="RECOLA",
        kind="streams",
        labels="25 times a second: valence and arousal of six raters, merged by their agreement",
        access="from its authors (diuf.unifr.ch/main/diva/recola), by a licence agreement",
        terms=_ON_REQUEST,
        layout=(
            "RECOLA-Annotation/emotional_behaviour/{arousal,valence}/P16.csv: "
            "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3",
            "or ratings_gold_standard/{arousal,valence}/{train,dev}_1.arff of AVEC 2016",
            "<id>.mp4 anywhere below the folder",
        ),
    ),
    CorpusInfo(
        name="sewa",
        title="SEWA DB",
        kind="streams",
        labels="10 times a second: valence and arousal",
        access="from its authors (db.sewaproject.eu), by a licence agreement",
        terms=_ON_REQUEST,
        layout=(
            "labels/<id>.csv: time;arousal;valence;... (known from descriptions only)",
            "<id>.avi anywhere below the folder; Train_, Devel_, Test_ in front say the split",
        ),
    ),
    CorpusInfo(
        name="afew-va",
        title="AFEW-VA",
        kind="streams",
        labels="per frame: valence and arousal",
        access="from its authors at Imperial College London (ibug.doc.ic.ac.uk)",
        terms=_ON_REQUEST,
        layout=(
            'any/<id>/<id>.json: "frames": {"00000": {"valence": -10 to 10, "arousal": ...}}',
            "any/<id>/00000.png and so on",
        ),
        counts={"recordings": 600},
        counts_source="Kossaifi et al., Image and Vision Computing 65, 2017",
    ),
    CorpusInfo(
        name="mavfer",
        title="MAVFER, and any folder of color, depth and thermal videos with traces",
        kind="streams",
        labels="traces of valence and arousal",
        access="from its authors (Lee et al., IEEE TIP 29, 2020); the layout below is ours",
        terms=_ON_REQUEST,
        layout=(
            "<clip>/color.mp4, and depth.mkv and thermal.mkv where there are (any container)",
            "<clip>/annotation.csv: time_s,arousal,valence",
            "streams.json, also <clip>/streams.json: scale, offset, homography, time_offset_s, "
            "tolerance_s of depth and thermal",
            "manifest.csv: clip,split,person and free columns",
        ),
    ),
    CorpusInfo(
        name="synthetic-trimodal",
        title="The open tri-modal benchmark of mien: faces in even, harsh and dark light",
        kind="streams",
        labels="per frame: everything, exactly; valence and arousal are used",
        access="mien synthesize trimodal",
        terms="CC0: nobody in the pictures exists",
        layout=("the folder that mien synthesize trimodal wrote",),
    ),
)

CORPORA: dict[str, CorpusInfo] = {info.name: info for info in _ALL}
"""Every corpus by name, in the order of ``mien datasets list``."""


def corpus_info(name: str) -> CorpusInfo:
    """What is known of a corpus.

    Raises
    ------
    ConfigError
        If there is none of that name.

    Examples
    --------
    >>> corpus_info("crema-d").counts["people"]
    91
    """
    if name not in CORPORA:
        raise ConfigError(f"there is no corpus {name!r}: choose one of {list(CORPORA)}")
    return CORPORA[name]


def describe_corpus(info: CorpusInfo) -> str:
    """The text of ``mien datasets info``."""
    lines = [
        f"{info.name}: {info.title}",
        f"labels    {info.labels}",
        f"access    {info.access}",
        f"terms     {info.terms}",
        "layout    " + "\n          ".join(info.layout),
    ]
    if info.counts:
        sizes = ", ".join(f"{value:,} {name}" for name, value in info.counts.items())
        lines.append(f"published {sizes} ({info.counts_source})")
    elif info.counts_source:
        lines.append(f"published {info.counts_source}")
    groups: dict[str, list[str]] = {}
    for figure in info.figures:
        group = groups.setdefault(f"{figure.measure} ({figure.source})", [])
        group.append(f"          {figure.value:>7}  {figure.system}")
    if groups:
        lines.append("figures   published by others, not measured with mien:")
    for title, rows in groups.items():
        lines += [f"          {title}", *rows]
    use = "no preparation: mien train mma and mien evaluate mma read it as it is"
    if info.needs_preparation:
        use = f"mien datasets prepare {info.name} --root DIR --out DIR"
    lines.append(f"use       {use}")
    return "\n".join(lines)
