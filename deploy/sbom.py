"""The software bill of materials (CycloneDX 1.6, JSON) of what an installation runs: `make sbom`.

cyclonedx-py reads the environment of the clone. The libraries that tests alone need are left out, since they do not ship.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from deploy.licences import shipped

ROOT = Path(__file__).resolve().parent.parent
# The tool stands in an environment of its own, so that it is not part of what it describes.
TOOL = ROOT / ".venv-sbom" / "bin" / "python"


def describe(python: Path) -> dict[str, Any]:
    """The document of one environment. CalledProcessError if it cannot be read or is not valid CycloneDX."""
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "environment.json"
        # It warns that the product's own package names no direct dependencies: they stand in the locks.
        command = [str(TOOL), "-W", "ignore::UserWarning", "-m", "cyclonedx_py", "environment", "--output-reproducible"]
        command += ["--pyproject", str(ROOT / "pyproject.toml"), "--of", "JSON", "--validate", "-o", str(to), str(python)]
        subprocess.run(command, check=True)
        document: dict[str, Any] = json.loads(to.read_text(encoding="utf-8"))
        return document


def only(document: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The document without the libraries that are not among `names`, nor what hangs on them."""
    components = [each for each in document["components"] if each["name"].lower().replace("_", "-") in names]
    known = {each["bom-ref"] for each in components} | {document["metadata"]["component"]["bom-ref"]}
    dependencies = [
        {**each, "dependsOn": [one for one in each.get("dependsOn", []) if one in known]}
        for each in document.get("dependencies", [])
        if each["ref"] in known
    ]
    return {**document, "components": components, "dependencies": dependencies}


def main(to: Path) -> int:
    document = only(describe(Path(sys.executable)), {name.replace("_", "-") for name in shipped()})
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{to}: {len(document['components'])} libraries")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "var/sbom.cdx.json")))
