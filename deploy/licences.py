"""Licences of what Dure ships: each library of a lock has one that the product may be given on under.

`python -m deploy.licences --check` fails if one has none or another; without it prints name, version, licence.
The names are those of SPDX, and the classifiers of the Python package index.
"""

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The lock with everything that an installation runs; libraries of tests do not ship.
SHIPPED = ("embedded", "engine")
# Permissive, and MPL-2.0, whose duties end at the borders of its own files.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CNRI-Python",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
}
# What older metadata say instead of an SPDX name.
OLDER = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License v2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# Metadata that name no licence, with the place where it stands.
NAMED_ELSEWHERE = {"skops": ("MIT", "LICENSE of the release")}


def licence(library: Distribution) -> str:
    """SPDX expression of a library, empty where its metadata name none."""
    metadata = library.metadata
    name = str(metadata["Name"]).lower()
    if "License-Expression" in metadata:
        return str(metadata["License-Expression"])
    if name in NAMED_ELSEWHERE:
        return NAMED_ELSEWHERE[name][0]
    words = [str(each).strip() for each in metadata.get_all("License") or []]
    classifiers = [str(each) for each in metadata.get_all("Classifier") or []]
    words += [each.rsplit("::", 1)[1].strip() for each in classifiers if each.startswith("License ::")]
    names = (OLDER.get(word, word) for word in words)
    return next((name for name in names if name in ALLOWED), "")


def allowed(expression: str) -> bool:
    """Each part of an AND, and one part of an OR, is a licence of ALLOWED."""
    parts = re.split(r"\s+AND\s+", expression)
    return all(any(one.strip("() ") in ALLOWED for one in re.split(r"\s+OR\s+", part)) for part in parts)


def shipped() -> list[str]:
    """Names of all libraries in the locks of what ships, in order."""
    locks = ((ROOT / "requirements" / f"{group}.txt").read_text() for group in SHIPPED)
    return sorted({name for lock in locks for name in re.findall(r"^([a-z0-9][a-z0-9._-]*)==", lock, re.MULTILINE)})


def table() -> list[tuple[str, str, str]]:
    """Name, version and licence of each shipped library; version and licence empty where it is not installed."""
    rows = []
    for name in shipped():
        try:
            library = distribution(name)
        except PackageNotFoundError:  # for another platform
            rows.append((name, "", ""))
        else:
            rows.append((name, library.version, licence(library)))
    return rows


def faults(rows: list[tuple[str, str, str]]) -> list[str]:
    return [
        f"{name} {version}: {'no licence is named' if not words else f'{words} is not among the licences that we take'}"
        for name, version, words in rows
        if version and not (words and allowed(words))
    ]


if __name__ == "__main__":
    rows = table()
    if "--check" not in sys.argv:
        print("\n".join(f"{name:32} {version:16} {words}" for name, version, words in rows))
        sys.exit()
    wrong = faults(rows)
    print("\n".join(wrong) or f"licences: {len(rows)} libraries, each may be given on")
    sys.exit(bool(wrong))
