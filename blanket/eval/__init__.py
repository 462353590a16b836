"""Proving the result. `evaluate` and `compare` are the jobs; `docs/eval.md` says what they write.

Every figure is a pure function, one idea a file. They take what was read off the original and
the output, side by side frame by frame, with NaN where no face was found, and read no files
themselves.

- `identity`, `verification`, `identification`: is the identity gone?
- `traces`, `angles`, `gaze`, `blinks`, `landmarks`, `expression`, `affect`, `demographics`: is
  what the face does kept? Eye and mouth opening (`blanket.attributes`) are plain traces.
- `scores`, `downstream`, `coco`, `persons`, `rtdetr`, `vitpose`: do detectors and pose estimators
  still work?
- `fidelity`, `flicker`, `seam`, `perceptual`: what does it look like?
- `cost`: what does it cost?
"""
