"""Simulated movies of dividing cells with known lineages, as plates and tables."""

from lineage_triplets.simulate.movies import sample, simulate
from lineage_triplets.simulate.plates import PlateLayout, empty_plate, write_plate
from lineage_triplets.simulate.scenario import (
    SAMPLE,
    SAMPLE_FAULTS,
    Faults,
    PlantedFault,
    SimulatedExperiment,
    Simulation,
)
from lineage_triplets.simulate.tables import simulate_tables, write_tables

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
