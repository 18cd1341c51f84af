"""Specs on disk: reading with locations, references between files, tables in HDF5, writing back."""
