#!/bin/sh
# geff 1.3.1.1.3 (`geff.validate_structure`, and reading with structure validation): a graph in which a
# cell has two parents, cells are their own ancestors, an edge goes back in time, or times are NaN
# passes, since validation is of the file's structure and not of what it says.
# For readers of lineages: that a GEFF is "valid" says nothing of its tree. Look for merges, cycles,
# edges that do not go forward, and times that are no numbers before pairs are drawn from it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check geff==1.3.1.1.3 networkx==3.6.1
"$folder/venv/bin/python" - "$folder" <<'END'
import sys

import geff
import networkx as nx
import numpy as np

CASES = {
    "true": ({1: 0, 2: 1, 3: 2}, [(1, 2), (2, 3)]),
    "merge": ({1: 0, 2: 0, 3: 1}, [(1, 3), (2, 3)]),
    "cycle": ({1: 0, 2: 1}, [(1, 2), (2, 1)]),
    "back in time": ({1: 5, 2: 1}, [(1, 2)]),
    "time NaN": ({1: 0.0, 2: np.nan}, [(1, 2)]),
}
passed = {}
for name, (times, edges) in CASES.items():
    graph = nx.DiGraph()
    for node, t in times.items():
        graph.add_node(node, t=t, y=1.0, x=1.0)
    graph.add_edges_from(edges)
    store = f"{sys.argv[1]}/{name.replace(' ', '-')}.geff"
    try:
        geff.write(graph, store, axis_names=["t", "y", "x"], axis_types=["time", "space", "space"])
        geff.validate_structure(store)
        passed[name] = True
    except Exception as error:
        passed[name] = f"{type(error).__name__}: {error}"
    print(f"{name}: {'valid' if passed[name] is True else passed[name]}")
if not all(found is True for found in passed.values()):
    sys.exit("this is not what was seen with geff 1.3.1.1.3")
END
