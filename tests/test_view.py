"""The best view of a person: sharp, frontal, in the open, or where the user says."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Demo

import blanket
from blanket.analysis import Analysis, Placements, analyse
from blanket.attributes import head_pose
from blanket.demo import INFANT
from blanket.detect import build_detector
from blanket.errors import InputError
from blanket.image import Still
from blanket.mesh import MeshNetwork
from blanket.presets import load_settings
from blanket.video import read
from blanket.view import View, best_views


class Numbered(Still):
    """A still that is one of many."""

    def copy(self) -> Numbered:
        twin = super().copy()
        twin.index = self.index
        return twin


@cache
def analysed(clip: Path) -> Analysis:
    settings = load_settings()
    return analyse(read(clip), build_detector(settings.detect), MeshNetwork(), settings)


def views(clip: Path, at: float | None = None) -> dict[int, View]:
    analysis = analysed(clip)
    return best_views(read(clip), analysis, Placements(analysis, load_settings()), at)


def infant(clip: Path) -> int:
    return max(analysed(clip).tracks, key=lambda one: len(one.sightings)).subject


def test_the_best_view_is_frontal_and_in_the_open(demo: Demo) -> None:
    view = views(demo.clip)[infant(demo.clip)]
    truth = demo.truth
    yaw, pitch, _ = head_pose(truth.mesh[view.picture.index, INFANT])
    assert abs(yaw) < 25 and abs(pitch) < 25
    assert truth.occluded[view.picture.index, INFANT] < 0.02
    error = np.abs(view.mesh[:, :2] - truth.mesh[view.picture.index, INFANT][:, :2]).mean()
    assert error < 4


def test_a_blurred_frame_is_not_taken(demo: Demo) -> None:
    subject = infant(demo.clip)
    best = views(demo.clip)[subject].picture.index
    pictures = []
    for frame in read(demo.clip):
        pixels = frame.rgb()
        still = Numbered(cv2.GaussianBlur(pixels, (0, 0), 6) if frame.index == best else pixels)
        still.index = frame.index
        pictures.append(still)
    analysis = analysed(demo.clip)
    again = best_views(pictures, analysis, Placements(analysis, load_settings()))
    assert again[subject].picture.index != best


def test_the_user_can_say_where(demo: Demo) -> None:
    frame = int(np.flatnonzero(demo.truth.visible[:, INFANT])[3])
    view = views(demo.clip, at=frame / demo.truth.rate)[infant(demo.clip)]
    assert view.picture.index == frame


def test_a_time_without_a_face_is_refused(demo: Demo) -> None:
    analysis = analysed(demo.clip)
    alone = Analysis(analysis.width, analysis.height, np.append(analysis.times, 99.0),
                     analysis.cuts, analysis.tracks)  # fmt: skip
    with pytest.raises(InputError, match="no face is followed at 99 s"):
        best_views(read(demo.clip), alone, Placements(alone, load_settings()), at=99.0)


def test_a_generator_that_starts_from_no_frame_says_so(demo: Demo, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="starts from no frame"):
        blanket.anonymize(demo.clip, tmp_path / "out.mp4", identity_at=0.5)
