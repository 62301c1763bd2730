"""Plays the cases of `tests/conformance` through the package; the README there tells the format."""
