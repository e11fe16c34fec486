"""Find what keeps a failure from turning CI red, which no linter of workflows looks for."""

import re
import sys

from project import ROOT
from ruamel.yaml import YAML

HIDDEN = re.compile(
    r"^ *(?:- )?(continue-on-error:.*|.*(?:\|\|\s*(?:true|:|exit 0)|;\s*(?:true|exit 0)))\s*$", re.MULTILINE
)

problems = [f"{path.name} switches rules of a linter off: delete it." for path in ROOT.glob(".github/actionlint.y*ml")]
for path in sorted(ROOT.glob(".github/*/**/*.y*ml")):
    text = path.read_text("utf-8")
    problems += [f"{path.name} hides a failure: {line}" for line in HIDDEN.findall(text)]
    jobs = YAML(typ="safe").load(text).get("jobs", {})
    waiting = {"all-green", *jobs.get("all-green", {"needs": jobs})["needs"]}
    problems += [f"{path.name}: add {job} to `needs` of all-green." for job in jobs if job not in waiting]
if problems:
    sys.exit("\n".join(problems))
