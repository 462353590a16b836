"""The figures that an evaluation gives, in the order of tables, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator

from blanket.eval.results import Better, Group, Metric
from blanket.eval.signals import SIGNALS

_R = (
    "Pearson's correlation over time of the output's {what} with the original's; in a frame "
    "whose face is lost the output is taken to be at its own mean, so that an output without "
    "a face scores 0"
)
_ERROR = (
    "mean absolute difference of {what} between output and original, over frames whose face "
    "is found in both: what is lost is not in it and stands under faces kept"
)


def _metrics() -> Iterator[Metric]:
    def one(
        key: str, title: str, unit: str, group: Group, better: Better | None, digits: int, text: str
    ) -> Metric:
        return Metric(
            key=key, title=title, unit=unit, group=group, better=better, digits=digits,
            description=text,
        )  # fmt: skip

    yield one(
        "identity_distance", "Identity distance", "", "privacy", "higher", 3,
        "mean distance of the recogniser's embeddings of output and original in the same frame; "
        "the recogniser looks where the original's face is, found in the output or not, so no "
        "frame is left out",
    )  # fmt: skip
    yield one(
        "identity_distance_low", "Identity distance, 5th percentile", "", "privacy", "higher", 3,
        "5th percentile over frames of the same distance: the frames in which the output is most "
        "like the person",
    )  # fmt: skip
    yield one(
        "identity_distance_nearest", "Identity distance, nearest original frame", "", "privacy",
        "higher", 3,
        "mean over frames of the distance of the output to the nearest of all looks at the "
        "original: an attacker compares with the best picture there is",
    )  # fmt: skip
    yield one(
        "verified", "Verified as the person", "%", "privacy", "lower", 1,
        "share of the looks at which the output is nearer to the original of the same frame than "
        "the recogniser's threshold. It looks at lost faces too, and takes now and then even a "
        "black box for the person: what it says of one is the floor of this figure",
    )  # fmt: skip
    yield one(
        "identity_variance", "Identity variance within a video", "", "privacy", None, 3,
        "mean squared distance of the output's embeddings from their mean; a face that wavers "
        "looks unreal, so lower is better for a new face, while for a hidden one it says nothing",
    )  # fmt: skip
    yield one(
        "identity_switches", "Identity switches", "", "privacy", None, 1,
        "how often the face of a person turns into another one for at least three looks",
    )  # fmt: skip
    yield one(
        "rank1", "Re-identified at rank 1", "%", "privacy", "lower", 1,
        "closed-set identification: share of the looks at the output whose person is the nearest "
        "of all people, with the first half of the looks at each original as the gallery and the "
        "second half of those at the output as probes",
    )  # fmt: skip
    yield one(
        "rank5", "Re-identified at rank 5", "%", "privacy", "lower", 1,
        "the same, among the five nearest people",
    )  # fmt: skip
    yield one(
        "tar_1e-2", "True accepts at 1 % false accepts", "%", "privacy", "lower", 1,
        "verification, same gallery and probes: share of comparisons with the probe's own person "
        "that pass at the threshold at which 1 % of those with other people do",
    )  # fmt: skip
    yield one(
        "tar_1e-3", "True accepts at 0.1 % false accepts", "%", "privacy", "lower", 1,
        "the same at 0.1 %",
    )  # fmt: skip
    yield one(
        "eer", "Equal error rate", "%", "privacy", "higher", 1,
        "verification, same gallery and probes: where false accepts and false rejects are as "
        "frequent; 50 is chance",
    )  # fmt: skip
    for key, title, better in (
        ("rank1", "Parrot attack, rank 1", "lower"),
        ("rank5", "Parrot attack, rank 5", "lower"),
        ("tar_1e-2", "Parrot attack, true accepts at 1 %", "lower"),
        ("tar_1e-3", "Parrot attack, true accepts at 0.1 %", "lower"),
        ("eer", "Parrot attack, equal error rate", "higher"),
    ):  # fmt: skip
        yield one(
            f"parrot_{key}", title, "%", "privacy", "lower" if better == "lower" else "higher", 1,
            "the same figure for an attacker who knows the method and anonymises the gallery in "
            "the same way (Newton et al. 2005); a method that gives a person the same new face "
            "again, as it should, links the outputs to each other, not to the person",
        )  # fmt: skip
    yield one(
        "same_face_distance", "New face across videos, distance", "", "privacy", None, 3,
        "distance of the mean new faces of one person in different videos",
    )  # fmt: skip
    yield one(
        "same_face_kept", "New face across videos, same", "%", "privacy", None, 1,
        "share of the pairs of videos of one person whose new faces are one person to the "
        "recogniser",
    )  # fmt: skip
    yield one(
        "faces_kept", "Faces kept", "%", "attributes", "higher", 1,
        "share of the original's faces that the mesh network still finds where they were; the "
        "others are lost",
    )  # fmt: skip
    for key, signal in SIGNALS.items():
        what = signal.title.lower()
        yield one(
            f"{key}_r", f"{signal.title}, correlation", "", "attributes", "higher", 3,
            _R.format(what=what),
        )  # fmt: skip
        unit = "\N{DEGREE SIGN}" if signal.angle else ""
        yield one(
            f"{key}_error", f"{signal.title}, error", unit, "attributes", "lower",
            2 if signal.angle else 3, _ERROR.format(what=what),
        )  # fmt: skip
    yield one(
        "gaze_error", "Gaze direction, error", "\N{DEGREE SIGN}", "attributes", "lower", 2,
        "mean angle between the directions in which head and eyes look, over frames whose face is "
        "found in both, with an open eye",
    )  # fmt: skip
    yield one(
        "blink_recall", "Blinks kept", "%", "attributes", "higher", 0,
        "share of the original's blinks that the output has within 100 ms; no value where the "
        "original has none. A closure during which the face is lost is no blink",
    )  # fmt: skip
    yield one(
        "blink_precision", "Blinks that are real", "%", "attributes", "higher", 0,
        "share of the output's blinks that the original has within 100 ms; no value where the "
        "output has none",
    )  # fmt: skip
    yield one(
        "expression_kept", "Expression kept", "%", "attributes", "higher", 1,
        "share of the looks at which the classifier's likeliest expression (happiness, negative, "
        "neutral, surprise) is that of the original; a lost face is not",
    )  # fmt: skip
    yield one(
        "expression_cosine", "Expression, cosine", "", "attributes", "higher", 3,
        "mean cosine of the classifier's probabilities of output and original; 0 for a lost face",
    )  # fmt: skip
    yield one(
        "age_error", "Age, error", "years", "attributes", "lower", 1,
        "mean absolute difference of the age that the faces look, over faces found in both",
    )  # fmt: skip
    yield one(
        "gender_kept", "Gender kept", "%", "attributes", "higher", 1,
        "share of the looks at which the output looks of the same gender as the original; a lost "
        "face is not. Of infants this says little",
    )  # fmt: skip
    for points in (5, 68, 478):
        yield one(
            f"landmarks_{points}_error", f"Landmarks ({points}), error", "%", "attributes",
            "lower", 2,
            f"normalised mean error of {points} landmarks: mean distance over that between the "
            "original's outer eye corners, over frames whose face is found in both",
        )  # fmt: skip
    yield one(
        "landmarks_within", "Landmarks (68) kept", "%", "attributes", "higher", 1,
        "share of the original's faces whose normalised mean error is at most 8 %; a lost face is "
        "not",
    )  # fmt: skip
    for points in (5, 68, 478):
        yield one(
            f"landmarks_{points}_r", f"Landmarks ({points}), correlation", "", "attributes",
            "higher", 3,
            "mean over landmarks and both coordinates of Pearson's correlation over time, lost "
            "faces as above",
        )  # fmt: skip
    yield one(
        "landmarks_in_face_r", "Landmarks (68) in the face, correlation", "", "attributes",
        "higher", 3,
        "the same with the head's own motion taken out, so that only expression is left",
    )  # fmt: skip
    yield one(
        "face_ap", "Face detection AP", "%", "downstream", "higher", 1,
        "COCO's average precision (mean over intersection over union 0.50 to 0.95) of the "
        "detector on the output, with what it is sure of in the original as the truth; a face it "
        "no longer finds is a miss",
    )  # fmt: skip
    yield one(
        "face_ap50", "Face detection AP at 0.5", "%", "downstream", "higher", 1,
        "the same at an intersection over union of 0.5",
    )  # fmt: skip
    yield one(
        "faces_missing", "Detections missing", "%", "downstream", "lower", 1,
        "share of the original's detections that no sure one of the output matches at 0.5",
    )  # fmt: skip
    yield one(
        "faces_spurious", "Detections spurious", "% of frames", "downstream", "lower", 1,
        "sure detections in the output that match none of the original at 0.5, a hundred frames",
    )  # fmt: skip
    for kind, title in (("person", "Person detection"), ("pose", "Pose")):
        by = "box overlap" if kind == "person" else "keypoint similarity"
        yield one(
            f"{kind}_ap", f"{title} AP", "%", "downstream", "higher", 1,
            f"COCO's average precision (mean over {by} 0.50 to 0.95) of the predictions on the "
            "output, with those on the original as the truth",
        )  # fmt: skip
        yield one(
            f"{kind}_ap50", f"{title} AP at 0.5", "%", "downstream", "higher", 1,
            f"the same at a {by} of 0.5",
        )  # fmt: skip
        yield one(
            f"{kind}_missing", f"{title}, missing", "%", "downstream", "lower", 1,
            "share of the original's predictions that no sure one of the output matches at 0.5",
        )  # fmt: skip
        yield one(
            f"{kind}_spurious", f"{title}, spurious", "% of frames", "downstream", "lower", 1,
            "sure predictions on the output that match none of the original at 0.5, a hundred "
            "frames",
        )  # fmt: skip
        yield one(
            f"{kind}_ap_marked", f"{title} AP against people's marks", "%", "downstream",
            "higher", 1,
            "COCO's average precision of the predictions on the output against what people marked",
        )  # fmt: skip
        yield one(
            f"{kind}_ap_marked_original", f"{title} AP against marks, original", "%",
            "downstream", None, 1,
            "the same of the predictions on the original: as good as the output can get",
        )  # fmt: skip
    yield one(
        "psnr_outside", "PSNR outside the face", "dB", "picture", "higher", 1,
        "peak signal-to-noise ratio outside the hull of the mesh grown by 15 %, errors pooled "
        "over frames; 100 where nothing changed. Writing a video anew costs some of it for every "
        "method",
    )  # fmt: skip
    yield one(
        "ssim_outside", "SSIM outside the face", "", "picture", "higher", 4,
        "structural similarity of the luma outside the same hull, on copies of about 256 pixels",
    )  # fmt: skip
    yield one(
        "seam", "Seam at the outline", "levels", "picture", "lower", 2,
        "how much steeper luma changes across the outline of what was changed than it did in the "
        "original, levels of 255 a pixel of a copy of 640 pixels",
    )  # fmt: skip
    yield one(
        "flicker", "Flicker, output over original", "", "picture", None, 2,
        "warping error along the original's motion within the face, output over original; above 1 "
        "the output flickers more, below 1 it is smoother, as a blur is",
    )  # fmt: skip
    yield one(
        "lpips", "LPIPS of the face", "", "picture", None, 3,
        "learned perceptual distance (AlexNet) of close-ups of output and original; a new face "
        "should be another one, a hidden one is another thing altogether",
    )  # fmt: skip
    yield one(
        "fid", "FID of the faces", "", "picture", "lower", 1,
        "Fr\u00e9chet inception distance of all close-ups of the output to those of the originals: "
        "do they look like faces? Only methods on the same frames can be compared",
    )  # fmt: skip
    yield one(
        "frames_per_second", "Speed", "frames/s", "cost", "higher", 1,
        "of decoding, painting and encoding, on the machine of the run; finding and following the "
        "faces is done once for all methods and not in it",
    )  # fmt: skip
    yield one(
        "peak_memory", "Peak memory", "MB", "cost", None, 0,
        "largest resident set while the method ran, of the process with all that it had loaded "
        "before: the first method starts with least, so that this tells no method from another",
    )  # fmt: skip
    yield one(
        "gpu_memory", "Peak GPU memory", "MB", "cost", "lower", 0,
        "largest allocation of torch while the method ran",
    )  # fmt: skip


METRICS: tuple[Metric, ...] = tuple(_metrics())
"""Every figure, of single videos and of all together."""
