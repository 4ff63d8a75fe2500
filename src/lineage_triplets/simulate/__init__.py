"""Simulated movies of dividing cells with known lineages, as plates and tables."""

from lineage_triplets.simulate.movies import sample, simulate
from lineage_triplets.simulate.plates import (
    PlateLayout,
    empty_plate,
    simulate_tables,
    write_plate,
    write_tables,
)
from lineage_triplets.simulate.scenario import (
    SAMPLE,
    SAMPLE_FAULTS,
    Faults,
    PlantedFault,
    SimulatedExperiment,
    Simulation,
)

__all__ = [
    "SAMPLE",
    "SAMPLE_FAULTS",
    "Faults",
    "PlantedFault",
    "PlateLayout",
    "SimulatedExperiment",
    "Simulation",
    "empty_plate",
    "sample",
    "simulate",
    "simulate_tables",
    "write_plate",
    "write_tables",
]
