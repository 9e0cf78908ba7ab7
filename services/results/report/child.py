"""The program that draws: full Vega-Lite specifications in on stdin, one JSON line per picture out. Imports nothing of ours."""

import json
import os
import re
import resource
import sys
from typing import Any
from xml.etree import ElementTree

import vl_convert

MEMORY = 2 * 1024**3
TAGS = {
    "svg",
    "g",
    "path",
    "rect",
    "line",
    "text",
    "tspan",
    "circle",
    "ellipse",
    "polygon",
    "defs",
    "clipPath",
    "linearGradient",
    "radialGradient",
    "stop",
    "title",
    "desc",
}


def check_svg(svg: str) -> None:
    """Refuse an SVG that could run or fetch something."""
    if "<!" in svg or "<?" in svg:
        raise ValueError
    for element in ElementTree.fromstring(svg).iter():  # noqa: S314  our own renderer wrote it, and it has no DTD
        tag = str(element.tag).rpartition("}")[2]
        names = [name.rpartition("}")[2].lower() for name in element.attrib]
        if tag not in TAGS or any(name.startswith("on") or name == "href" for name in names):
            raise ValueError
        for value in element.attrib.values():
            if any(not place.strip("'\" ").startswith("#") for place in re.findall(r"url\(([^)]*)\)", value)):
                raise ValueError


def with_own_ids(svg: str, prefix: str) -> str:
    """Several pictures stand in one page, so each has ids of its own."""
    svg = re.sub(r'\bid="([\w.-]+)"', rf'id="{prefix}-\1"', svg)
    return re.sub(r"url\((['\"]?)#", rf"url(\1#{prefix}-", svg)


def draw(key: str, spec: dict[str, Any]) -> dict[str, Any]:
    try:
        # No address is allowed: everything that a figure shows is in the specification.
        svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
        svg = with_own_ids(svg, re.sub(r"\W", "-", key))
        check_svg(svg)
        png = vl_convert.vegalite_to_png(spec, scale=2, allowed_base_urls=[])
    except Exception:
        return {"key": key, "svg": "", "png": "", "fault": "drawing-failed"}
    return {"key": key, "svg": svg, "png": png.hex(), "fault": None}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (90, 90))
    # The answers keep the pipe to themselves: what the renderer prints goes where errors go.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    vl_convert.register_font_directory(sys.argv[1])
    for key, spec in json.load(sys.stdin).items():
        answer = draw(key, spec)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        if answer["fault"]:  # what failed can leave the renderer unable to draw anything else
            break


if __name__ == "__main__":
    main()
