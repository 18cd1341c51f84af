"""Specs on disk: reading with places, references between files, tables in HDF5, writing back."""
