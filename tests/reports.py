"""Reports to test with."""

from __future__ import annotations

from blanket.config import Settings
from blanket.report import (
    BackendsReport,
    DetectionReport,
    DetectorReport,
    IdentityReport,
    Report,
    Totals,
    TrackReport,
    VideoReport,
)


def a_report(replaced: int = 8, hidden: int = 2) -> Report:
    """The report of a video with one face in every frame."""
    frames = replaced + hidden
    return Report(
        blanket_version="0.1.0",
        source="clip.mp4",
        target="out.mp4",
        preset="embedded",
        settings=Settings().shareable(),
        method="blanket",
        seed=0,
        backends=BackendsReport(
            detect="centerface",
            mesh="face_mesh",
            identity="morphable",
            gallery=None,
            swap="warp",
            execution_provider="CPUExecutionProvider",
        ),
        weights={"face_mesh.onnx": "0" * 64},
        models=[],
        video=VideoReport(
            width=64, height=48, frames=frames, duration=frames / 25, frame_rate=25, codec="libx264"
        ),
        detection=DetectionReport(
            combine="union",
            detectors=[
                DetectorReport(detector="centerface", pictures=2, faces=2, alone=0, seconds=0.1)
            ],
            disputed=[],
            expected_faces=None,
            fewer=[],
        ),
        tracks=[
            TrackReport(
                track=0,
                subject=0,
                first_frame=0,
                last_frame=frames - 1,
                frames=frames,
                replaced=replaced,
                replaced_by={"warp": replaced} if replaced else {},
                hidden=hidden,
                hidden_by={"gap": hidden} if hidden else {},
                confidence=0.9,
                occluded=0.1,
                age_group="infant",
                identity=IdentityReport(
                    generator="morphable", seed=0, subject_tag=None, distance=0.65, trials=None
                ),
            )
        ],
        left=[],
        totals=Totals(
            frames=frames,
            frames_with_faces=frames,
            faces=frames,
            tracks=1,
            replaced=replaced,
            hidden=hidden,
        ),
        audit=None,
        timings_s={"detect": 0.5},
        notes=[],
        warnings=[],
    )
