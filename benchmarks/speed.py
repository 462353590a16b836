"""Speed and memory of the whole command on infant.mp4, beside `deface` on the same clip.

Runs `blanket anonymize CLIP -o OUT` and `deface CLIP -o OUT` (its default settings) in turn,
each a process of its own, start-up, decoding and encoding included, and takes medians over
--runs. Absolute times depend on the machine and on what else it does; the ratio of the two is
the stable figure.

Memory: the largest resident set of the process (Linux: VmHWM, polled every 20 ms). deface
encodes in a second process, FFmpeg's, which is not counted. With --long, also of ours for the
clip looped to 5 minutes (packets copied, not encoded again).

Exit status: 0 all bars met, 1 a bar missed, 2 no data or a command that fails.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median

import av
from clip import Row, ended, finish, infant, parser, settings_of
from rich.console import Console

_POLL = 0.02  # seconds
_LONG = 300  # seconds
_FAILED = 2
_NO_BYTE_CODE = "PYTHONDONTWRITEBYTECODE"

console = Console(stderr=True)


@dataclass(frozen=True)
class _Run:
    """One process. seconds: wall clock. memory: its peak, MB (10^6 bytes), None where the
    system does not tell."""

    seconds: float
    memory: float | None


def main() -> int:
    """Run the benchmark; returns the exit status."""
    made = parser(__doc__)
    made.add_argument("--runs", type=int, default=3, help="of each command (default: 3)")
    made.add_argument(
        "--long", action="store_true", help="also loop the clip to 5 minutes (takes as long)"
    )
    made.add_argument("--no-deface", action="store_true", help="leave deface out")
    options = made.parse_args()
    settings_of(options)
    clip = infant(options.data)
    changes = [word for change in options.changes for word in ("--set", change)]
    ours: list[_Run] = []
    theirs: list[_Run] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(options.runs):
            out = folder / f"ours_{number}.mp4"
            ours.append(_anonymize(clip.path, out, changes))
            if not options.no_deface:
                command = [_deface(), str(clip.path), "-o", str(folder / f"deface_{number}.mp4")]
                theirs.append(_run(command, (0,)))
        rows = _rows(ours, theirs, len(clip.mesh))
        if options.long:
            long = folder / "long.mp4"
            times = _loop(clip.path, long, _LONG)
            run = _anonymize(long, folder / "long_out.mp4", changes)
            rows += _long(run, ours, times * len(clip.mesh))
    return finish("Speed and memory, infant.mp4", rows, options)


def _rows(ours: list[_Run], theirs: list[_Run], frames: int) -> list[Row]:
    seconds = median(run.seconds for run in ours)
    rows = [
        Row("seconds, median", seconds, "s", digits=1),
        Row("seconds, fastest", min(run.seconds for run in ours), "s", digits=1),
        Row("frames a second, whole command", frames / seconds, "", 30, digits=1),
        Row("peak memory", _peak(ours), "MB", most=700, digits=0),
    ]
    if theirs:
        other = median(run.seconds for run in theirs)
        rows += [
            Row("deface: seconds, median", other, "s", digits=1),
            Row("deface: frames a second", frames / other, digits=1),
            Row("deface: peak memory", _peak(theirs), "MB", digits=0),
            Row("times as fast as deface", other / seconds, "", 5, digits=1),
        ]
    return rows


def _long(run: _Run, ours: list[_Run], frames: int) -> list[Row]:
    short = _peak(ours)
    ratio = run.memory / short if run.memory and short else None
    return [
        Row("5 minutes: seconds", run.seconds, "s", digits=1),
        Row("5 minutes: frames a second", frames / run.seconds, digits=1),
        Row("5 minutes: peak memory", run.memory, "MB", most=700, digits=0),
        Row("5 minutes: peak memory, over the clip's", ratio, "", most=1.10, digits=2),
    ]


def _peak(runs: list[_Run]) -> float | None:
    known = [run.memory for run in runs if run.memory is not None]
    return median(known) if known else None


# Commands.


def _anonymize(source: Path, target: Path, changes: Sequence[str]) -> _Run:
    words = ["anonymize", str(source), "-o", str(target), "--quiet", *changes]
    return _run([*_blanket(), *words], (0, 3))


def _blanket() -> list[str]:
    script = _script("blanket")
    if script is not None:
        return [script]
    if importlib.util.find_spec("blanket.__main__") is not None:
        return [sys.executable, "-m", "blanket"]
    return [sys.executable, "-c", "import sys; from blanket.cli import main; sys.exit(main())"]


def _deface() -> str:
    script = _script("deface")
    if script is None:
        console.print("There is no command deface: pip install deface.", highlight=False)
        raise SystemExit(_FAILED)
    return script


def _script(name: str) -> str | None:
    """A command of this Python's environment, or on the path."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def _run(command: Sequence[str], fine: tuple[int, ...]) -> _Run:
    """Run a command to its end. fine: exit statuses that are no failure."""
    # Both keep their byte code from run to run, as they do where they are installed.
    env = {name: value for name, value in os.environ.items() if name != _NO_BYTE_CODE}
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, env=env
        )
        memory: float | None = None
        try:
            while process.poll() is None:
                memory = _high_water(process.pid) or memory
                time.sleep(_POLL)
        finally:
            process.kill()  # where this one is interrupted; one that has ended does not mind
        seconds = time.perf_counter() - start
        if process.returncode not in fine:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()[-500:]
            status = f"ended with status {process.returncode}: {said}"
            console.print(f"{os.path.basename(command[0])} {status}", markup=False, highlight=False)
            raise SystemExit(_FAILED)
    told = "" if memory is None else f", {memory:.0f} MB"
    console.print(f"{os.path.basename(command[0])}: {seconds:.1f} s{told}", highlight=False)
    return _Run(seconds, memory)


def _high_water(process: int) -> float | None:
    """The largest resident set so far, MB. Of the program alone: getrusage would count the
    copy of this process that a child is before it becomes another program."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None


def _loop(source: Path, target: Path, seconds: float) -> int:
    """Write the video of a clip over and over, without encoding; returns how many times."""
    with av.open(str(source)) as clip:
        stream = clip.streams.video[0]
        packets = [packet for packet in clip.demux(stream) if packet.dts is not None]
        base = stream.time_base or Fraction(1, 90_000)
        length = max(int(packet.pts or 0) + int(packet.duration or 0) for packet in packets)
        length -= min(int(packet.pts or 0) for packet in packets)
        times = round(seconds / float(length * base))
        with av.open(str(target), "w") as long:
            copy = long.add_stream_from_template(stream)
            stamps = [(int(p.pts or 0), int(p.dts or 0)) for p in packets]
            for turn in range(times):
                for packet, (pts, dts) in zip(packets, stamps, strict=True):
                    packet.pts, packet.dts = pts + turn * length, dts + turn * length
                    packet.time_base = base
                    packet.stream = copy
                    long.mux(packet)
    return times


if __name__ == "__main__":
    sys.exit(ended(main))
