"""The measured process of `benchmarks.analysis`: load one stored case, analyse it, say what it took."""

import json
import resource
import sys
import time
from pathlib import Path

from autopilot.analysis.dossier import analyze
from autopilot.case.reading import load_case
from autopilot.case.store import FolderCaseStore
from autopilot.incident.evidence import CaseManifest

_KIB = 1024


def main(arguments: list[str]) -> int:
    """Analyse the case whose manifest has that key in that folder store."""
    folder, key = arguments
    store = FolderCaseStore(Path(folder))
    manifest = CaseManifest.model_validate_json(store.get(key))
    began, worked = time.perf_counter(), time.process_time()
    dossier = analyze(load_case(store, manifest))
    told = {
        "seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - worked,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB, "findings": len(dossier.findings),
    }  # fmt: skip
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
