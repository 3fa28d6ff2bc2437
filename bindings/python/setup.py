"""
Builds the extension, with the library inside: from a checkout, whose `make build` makes that when it is not there or old.

One wheel is for all versions of Python from 3.10 on: the extension uses the limited API alone.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.bdist_wheel import bdist_wheel

# Paths of an extension are to be relative ones, and pip builds in this folder.
ROOT = Path("..", "..")
BUILD = ROOT / "build" / "python"
PARTS = [os.fspath(part) for part in Path("src", "sidelite", "native").glob("*.h")]
LIBRARY = ROOT / "build" / "static" / "libsidelite.a"


def version() -> str:
    """That of the library."""
    found = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert found
    return found[1]


class BuildWithLibrary(build_ext):
    """Makes the library first; make knows whether it is old."""

    def run(self) -> None:
        subprocess.run(["make", "-C", os.fspath(ROOT), os.fspath(LIBRARY.relative_to(ROOT))], check=True)
        super().run()


class LimitedWheel(bdist_wheel):
    """A wheel for this version of Python and newer ones."""

    def finalize_options(self) -> None:
        self.py_limited_api = "cp310"
        super().finalize_options()


BUILD.mkdir(parents=True, exist_ok=True)
setup(
    # What is made on the way is no part of the sources.
    options={"build": {"build_base": os.fspath(BUILD)}, "egg_info": {"egg_base": os.fspath(BUILD)}},
    version=version(),
    cmdclass={"build_ext": BuildWithLibrary, "bdist_wheel": LimitedWheel},
    ext_modules=[
        Extension(
            "sidelite._native",
            ["src/sidelite/_native.c"],
            include_dirs=[os.fspath(ROOT / "include")],
            depends=[os.fspath(LIBRARY), os.fspath(ROOT / "include" / "sidelite.h"), *PARTS],
            extra_objects=[os.fspath(LIBRARY)],
            extra_compile_args=["-std=c11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden"],
            # Neither the names of the library nor what only a debugger reads.
            extra_link_args=["-Wl,--exclude-libs,ALL", "-Wl,--gc-sections", "-s"],
            libraries=["util", "rt", "pthread", "m", "dl"],
            py_limited_api=True,
        )
    ],
)
