"""Video in and out: `probe`, `read` and `Writer`, with `VideoInfo` and `Frame` between them.

info = probe(source)
with pending(target, overwrite=False) as path, Writer(path, info) as writer:
    for frame in read(source):
        frame.paste(patch, alpha, matrix)
        writer.write(frame)
"""

from blanket.decode import read
from blanket.encode import Writer
from blanket.frame import Frame
from blanket.videoinfo import VideoInfo, probe

__all__ = ["Frame", "VideoInfo", "Writer", "probe", "read"]
